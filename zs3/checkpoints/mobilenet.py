"""Names of torchvision's MobileNetV2, and what they are called in `zs3.backbone.mobilenet`."""

from __future__ import annotations

from torch import Tensor

from .key_map import rename

# Layers of `features`, by stage. The 18th belongs to the classifier and keeps its name.
STAGES = {
    "res1": range(0, 2),
    "res2": range(2, 4),
    "res3": range(4, 7),
    "res4": range(7, 14),
    "res5": range(14, 18),
}

_RULES = [
    (rf"features\.{layer}\.", f"{stage}.{layer - layers.start}.")
    for stage, layers in STAGES.items()
    for layer in layers
]


def convert(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The state of torchvision's `mobilenet_v2` under our names."""
    return rename(state, _RULES)
