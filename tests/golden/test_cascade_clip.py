"""Cascade-CLIP and ZegCLIP against their reference tensors."""

from pathlib import Path

import kinds_backbone
import kinds_cascade_models
import kinds_cascade_parts
import kinds_datasets
import kinds_evaluation
import kinds_text
import pytest
import suite

KINDS: suite.Kinds = {
    **kinds_backbone.KINDS,
    **kinds_cascade_models.KINDS,
    **kinds_cascade_parts.KINDS,
    **kinds_datasets.KINDS,
    **kinds_evaluation.KINDS,
    **kinds_text.KINDS,
}
NOT_YET: frozenset[str] = frozenset()


@pytest.mark.parametrize("path", suite.cases("cascade-clip"))
def test_cascade_clip(path: Path) -> None:
    suite.run(path, KINDS, NOT_YET)
