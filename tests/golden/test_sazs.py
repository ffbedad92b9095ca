"""SAZS and LSeg against their reference tensors."""

from pathlib import Path

import kinds_datasets
import kinds_evaluation
import pytest
import suite

KINDS: suite.Kinds = {**kinds_datasets.KINDS, **kinds_evaluation.KINDS}
NOT_YET = frozenset(
    {
        "clip_text",
        "color_affinity",
        "dino_features_to_masks",
        "dpt_encoder",
        "edge_map",
        "joint_loss",
        "lseg_zs_rn",
        "lseg_zs_vit",
        "sazs_drn_full",
        "sazs_vit_full",
        "spectral_eigs",
        "train_step",
    }
)


@pytest.mark.parametrize("path", suite.cases("sazs"))
def test_sazs(path: Path) -> None:
    suite.run(path, KINDS, NOT_YET)
