"""Checkpoints of ZS3Net: its DeepLabV3+, and the generators in files of their own."""

from __future__ import annotations

from torch import Tensor

from . import resnet
from .key_map import Rule, rename

SIGN = r"(module\.)?decoder\.pred_conv\."
DROPPED: tuple[Rule, ...] = ()

_HEAD = "grouping.pixel_decoder."
_RULES: list[Rule] = [
    *(
        (rf"(?:module\.)?{theirs}\.", f"{_HEAD}{ours}.")
        for theirs, ours in (
            *(
                (rf"aspp\.aspp{i}\.{theirs}", f"branches.{i - 1}{ours}")
                for i in range(1, 5)
                for theirs, ours in (("atrous_conv", ""), (r"bn", ".norm"))
            ),
            (r"aspp\.global_avg_pool\.1", "pooled"),
            (r"aspp\.global_avg_pool\.2", "pooled.norm"),
            (r"aspp\.conv1", "join"),
            (r"aspp\.bn1", "join.norm"),
            (r"decoder\.conv1", "low_level"),
            (r"decoder\.bn1", "low_level.norm"),
            (r"decoder\.last_conv\.0", "refine.0"),
            (r"decoder\.last_conv\.1", "refine.0.norm"),
            (r"decoder\.last_conv\.4", "refine.1"),
            (r"decoder\.last_conv\.5", "refine.1.norm"),
        )
    ),
    (r"(?:module\.)?decoder\.pred_conv\.", "naming.linear."),
]
_GENERATORS: list[Rule] = [
    (r"model\.0\.", "generator.layers.0."),
    (r"model\.3\.", "generator.layers.1."),
    (r"model\.", "generator.layers.0."),  # without a hidden layer
    (r"semantic_reconstruction_layer\.", "generator.reconstruction."),
    (r"gcn1\.", "graph_generator.first."),
    (r"gcn2\.", "graph_generator.second."),
]


def convert(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The state of a published segmentation network as a `ZeroShotSegmentor` calls it."""
    start = "backbone."
    plain = {key.removeprefix("module."): value for key, value in state.items()}
    backbone = {k.removeprefix(start): v for k, v in plain.items() if k.startswith(start)}
    rest = {key: value for key, value in plain.items() if not key.startswith(start)}
    converted = {start + key: value for key, value in resnet.convert(backbone).items()}
    converted |= rename(rest, _RULES)
    weight = "naming.linear.weight"
    if weight in converted:
        converted[weight] = converted[weight].flatten(1)
    return converted


def convert_generators(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The state of published generators, plain or graph, as a whole model calls them."""
    return {f"criterion.{key}": value for key, value in rename(state, _GENERATORS).items()}
