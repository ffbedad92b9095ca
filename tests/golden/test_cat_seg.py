"""CAT-Seg against their reference tensors."""

from pathlib import Path

import kinds_backbone
import kinds_cat_seg_models
import kinds_cat_seg_parts
import kinds_cat_seg_scores
import kinds_evaluation
import kinds_text
import pytest
import suite

KINDS: suite.Kinds = {
    **kinds_backbone.KINDS,
    **kinds_cat_seg_models.KINDS,
    **kinds_cat_seg_parts.KINDS,
    **kinds_cat_seg_scores.KINDS,
    **kinds_evaluation.KINDS,
    **kinds_text.KINDS,
}
NOT_YET: frozenset[str] = frozenset()


@pytest.mark.parametrize("path", suite.cases("cat-seg"))
def test_cat_seg(path: Path) -> None:
    suite.run(path, KINDS, NOT_YET)
