"""ZegFormer, MaskFormer and Mask2Former against their reference tensors."""

from pathlib import Path

import kinds_backbone
import kinds_criteria
import kinds_data
import kinds_engine
import kinds_evaluation
import kinds_heads
import kinds_mask2former
import kinds_readout
import kinds_text
import kinds_training
import pytest
import suite

KINDS: suite.Kinds = {
    **kinds_backbone.KINDS,
    **kinds_criteria.KINDS,
    **kinds_data.KINDS,
    **kinds_engine.KINDS,
    **kinds_evaluation.KINDS,
    **kinds_heads.KINDS,
    **kinds_mask2former.KINDS,
    **kinds_readout.KINDS,
    **kinds_text.KINDS,
    **kinds_training.KINDS,
}
NOT_YET: frozenset[str] = frozenset()


@pytest.mark.parametrize("path", suite.cases("zegformer"))
def test_zegformer(path: Path) -> None:
    suite.run(path, KINDS, NOT_YET)
