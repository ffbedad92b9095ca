"""A backbone that looks at an image at several sizes (SPNet, CaGNet)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from ..runtime.config import CfgNode, configurable
from ..runtime.layers import ShapeSpec
from ..runtime.modeling import BACKBONE_REGISTRY

_AT = "@"


@BACKBONE_REGISTRY.register()
class MultiScale(nn.Module):
    """
    The maps of `net`, and those of the image at other sizes under names such as "aspp@0.5".

    Args:
        net: any backbone.
        scales: shares of the image's size; bilinear, sides rounded down.
        in_prediction: look at other sizes in evaluation as well.
    """

    @configurable
    def __init__(
        self, *, net: nn.Module, scales: Sequence[float], in_prediction: bool = True
    ) -> None:
        super().__init__()
        self.net = net
        self.scales = tuple(scales)
        self.in_prediction = in_prediction

    @classmethod
    def from_config(cls, cfg: CfgNode, input_shape: ShapeSpec) -> dict[str, Any]:
        options = cfg.MODEL.MULTI_SCALE
        return {
            "net": BACKBONE_REGISTRY.get(options.BACKBONE)(cfg, input_shape),
            "scales": options.SCALES,
            "in_prediction": options.IN_PREDICTION,
        }

    def output_shape(self) -> dict[str, ShapeSpec]:
        """Of the maps at the image's own size."""
        net: Any = self.net  # Any: a module that has output_shape()
        return net.output_shape()

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """(B, 3, H, W), normalised -> maps by name, those at the image's own size first."""
        maps = dict(self.net(images))
        if not (self.training or self.in_prediction):
            return maps
        for scale in self.scales:
            size = [int(length * scale) for length in images.shape[2:]]
            smaller = F.interpolate(images, size, mode="bilinear", align_corners=False)
            maps |= {f"{name}{_AT}{scale:g}": value for name, value in self.net(smaller).items()}
        return maps


def by_scale(features: Mapping[str, Tensor]) -> list[dict[str, Tensor]]:
    """A backbone's maps, those of each scale apart, under their plain names; scale 1 first."""
    scales: dict[str, dict[str, Tensor]] = {}
    for name, value in features.items():
        plain, _, scale = name.partition(_AT)
        scales.setdefault(scale, {})[plain] = value
    return list(scales.values())
