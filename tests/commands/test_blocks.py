from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file

from zs3.commands import blocks
from zs3.data.datasets.shapes import NAMES, unseen_names
from zs3.generation.features import Blocks
from zs3.generation.pixel_cnn import PixelCNN

CONFIG = Path(__file__).parents[2] / "configs" / "shapes" / "cagnet.yaml"


def test_blocks_of_a_given_network_show_unseen_classes_mostly(tmp_path):
    torch.manual_seed(0)
    network = PixelCNN(text_dim=128, num_classes=len(NAMES))
    torch.save({"state_dict": network.state_dict()}, tmp_path / "weights.pth")
    file = tmp_path / "blocks.safetensors"
    options = ["--weights", str(tmp_path / "weights.pth"), "--rounds", "1", "--each", "512"]
    blocks.main(["--config-file", str(CONFIG), "--output", str(file), *options])
    made = load_file(file)["blocks"]
    is_unseen = torch.tensor([name in unseen_names("mixed") for name in NAMES])
    assert made.shape[1:] == (3, 3)
    assert (is_unseen[made].flatten(1).sum(1) >= 7).all()
    assert Blocks.load(file, torch.device("cpu"))(1, (6, 6), 4).labels.shape == (1, 36)
