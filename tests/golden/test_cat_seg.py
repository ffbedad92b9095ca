"""CAT-Seg against their reference tensors."""

from pathlib import Path

import kinds_backbone
import kinds_evaluation
import kinds_text
import pytest
import suite

KINDS: suite.Kinds = {
    **kinds_backbone.KINDS,
    **kinds_evaluation.KINDS,
    **kinds_text.KINDS,
}
NOT_YET = frozenset(
    {
        "port_aggregator_layer",
        "port_full",
        "port_loss",
        "port_tta_merge",
        "port_up_block",
        "v1_clip",
        "v1_full",
        "v1_openclip_dense",
        "v2_aggregator",
        "v2_class_attention_kernels",
        "v2_class_layer",
        "v2_clip",
        "v2_full",
        "v2_loss",
        "v2_param_groups",
        "v2_sliding_merge",
        "v2_swin_wrapper",
        "v2_up_block",
    }
)


@pytest.mark.parametrize("path", suite.cases("cat-seg"))
def test_cat_seg(path: Path) -> None:
    suite.run(path, KINDS, NOT_YET)
