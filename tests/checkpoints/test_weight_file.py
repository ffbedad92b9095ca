"""Which file a path means, and whose weights are in it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from zs3.checkpoints.families import family_of
from zs3.checkpoints.weight_file import read_weights, weight_file

ONE = torch.ones(1)


def test_a_directory_means_its_final_weights_or_its_last_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="holds neither"):
        weight_file(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"none\.pth is not there; expected a weight file"):
        weight_file(tmp_path / "none.pth")
    (tmp_path / "last_checkpoint").write_text("model_0000009.pth")
    assert weight_file(tmp_path).name == "model_0000009.pth"
    (tmp_path / "model_final.safetensors").touch()
    assert weight_file(tmp_path).name == "model_final.safetensors"


def test_a_file_without_tensors_is_named(tmp_path: Path) -> None:
    torch.save({"epoch": 3}, tmp_path / "a.pth")
    with pytest.raises(ValueError, match=r"a\.pth: no tensors among \['epoch'\]"):
        read_weights(tmp_path / "a.pth")


def test_a_checkpoint_gives_its_average_if_it_has_one(tmp_path: Path) -> None:
    content = {"model": {"a": ONE, "b": ONE}, "ema": {"a": 3 * ONE}}
    torch.save(content, tmp_path / "model_0000009.pth")
    (tmp_path / "last_checkpoint").write_text("model_0000009.pth")

    file = read_weights(tmp_path)

    assert file.path == tmp_path / "model_0000009.pth" and not file.family
    assert file.state == {"a": 3 * ONE, "b": ONE}


@pytest.mark.parametrize(
    ("family", "key"),
    [
        # ZegFormer, MaskFormer and Mask2Former of any version; the per-pixel baseline.
        ("ZegFormer, MaskFormer or Mask2Former", "sem_seg_head.predictor.query_embed.weight"),
        ("ZegFormer, MaskFormer or Mask2Former", "sem_seg_head.projection_layer.bias"),
        ("Cascade-CLIP or ZegCLIP", "decode_head.cascade_decoders.0.layers.0.linear1.weight"),
        # CAT-Seg of either version, and its port.
        ("CAT-Seg", "sem_seg_head.predictor.transformer.conv1.weight"),
        ("CAT-Seg", "neck.conv1.bias"),
        # Ours, and backbones alone.
        (None, "grouping.decoder.query_embed.weight"),
        (None, "layer1.0.conv1.weight"),
    ],
)
def test_a_family_is_told_by_its_keys(family: str | None, key: str) -> None:
    found = family_of(["backbone.stem.conv1.weight", key])
    assert (found and found.name) == family


def test_what_is_dropped_is_told_by_its_published_name(tmp_path: Path) -> None:
    published = {
        "sem_seg_head.predictor.query_embed.weight": ONE,
        "backbone.layers.0.blocks.1.attn.relative_position_index": ONE,
        "criterion.empty_weight": ONE,
    }
    torch.save({"model": published, "iteration": 7}, tmp_path / "model_final.pth")

    file = read_weights(tmp_path / "model_final.pth")

    assert file.family == "ZegFormer, MaskFormer or Mask2Former"
    assert list(file.state) == ["grouping.decoder.query_embed.weight"]
    assert file.dropped == {
        "backbone.layers.0.blocks.1.attn.relative_position_index": "a table that is computed",
        "criterion.empty_weight": "class weights of the loss, which MODEL.CRITERION sets",
    }
