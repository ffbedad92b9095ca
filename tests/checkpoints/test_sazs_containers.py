"""Files as SAZS's scripts and LSeg's Lightning write them, around published names."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest
import torch

from zs3.checkpoints.weight_file import read_weights

SAZS = {
    "pretrained.model.cls_token": torch.ones(1, 1, 4),
    "pretrained.model.blocks.11.attn.qkv.weight": torch.ones(12, 4),
    "pretrained.model.blocks.12.attn.qkv.weight": torch.ones(12, 4),
    "pretrained.act_postprocess2.3.weight": torch.ones(2, 4, 1, 1),
    "pretrained.act_postprocess1.3.weight": torch.ones(2, 4, 1, 1),
    "scratch.layer1_rn.weight": torch.ones(2, 2, 3, 3),
    "edgeocr_cls_head.weight": torch.full((1, 2, 1, 1), 3.0),
}
KEPT = {
    "backbone.vit.cls_token",
    "backbone.vit.blocks.11.attn.qkv.weight",
    "backbone.reassemble.res3.project.weight",
    "criterion.edge_head.weight",
}


class Callback:
    """Lightning keys the states of callbacks by their classes."""


@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("new_format", [True, False])
@pytest.mark.parametrize("score", [{"best_prec1": torch.tensor(62.7)}, {"val_miou": 33.8}])
def test_sazs(tmp_path: Path, prefix: str, new_format: bool, score: dict[str, Any]) -> None:
    state = {prefix + key: value for key, value in SAZS.items()}
    container = {"epoch": 20, "arch": "vitl16_384", "state_dict": state, **score}
    path = tmp_path / "model_best.pth.tar"
    torch.save(container, path, _use_new_zipfile_serialization=new_format)
    weights = read_weights(path)
    assert weights.family == "SAZS" and weights.state.keys() == KEPT
    assert weights.state["criterion.edge_head.weight"].mean() == 3
    assert len(weights.dropped) == 3


def test_lseg(tmp_path: Path) -> None:
    state = {
        "net.clip_pretrained.token_embedding.weight": torch.ones(5, 2, dtype=torch.float16),
        "net.clip_pretrained.visual.proj": torch.ones(2, 2, dtype=torch.float16),
        "net.pretrained.layer1.0.weight": torch.ones(2, 3, 7, 7),
        "net.pretrained.layer1.4.0.conv1.weight": torch.ones(2, 2, 1, 1),
        "net.scratch.head1.weight": torch.ones(2, 4, 1, 1),
    }
    container = {
        "epoch": 3,
        "global_step": 7,
        "pytorch-lightning_version": "1.3.5",
        "state_dict": state,
        "callbacks": {Callback: {"best_model_score": torch.tensor(0.5)}},
        "optimizer_states": [{"state": {}, "param_groups": [{"lr": 0.1}]}],
        "hyper_parameters": Namespace(backbone="clip_resnet101", fold=0),
    }
    torch.save(container, tmp_path / "lseg.ckpt")
    weights = read_weights(tmp_path / "lseg.ckpt")
    assert weights.family == "LSeg" and list(weights.dropped) == ["net.clip_pretrained.visual.proj"]
    assert weights.state.keys() == {
        "naming.logit_scale",
        "backbone.stem.conv1.weight",
        "backbone.res2.0.conv1.weight",
        "grouping.pixel_decoder.mask_features.weight",
        "text.encoder.model.token_embedding.weight",
    }
