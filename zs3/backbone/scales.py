"""A backbone that looks at every image in several sizes, as SPNet's does (CVPR 2019)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from ..runtime.layers import ShapeSpec


class MultiScale(nn.Module):
    """
    Maps of the images as they are, "res5", and of resized ones, "res5@0.5".

    Args:
        backbone: images (B, 3, H, W), normalised -> maps (B, C, h, w) by name; has output_shape().
        scales: of the resized images; each side is the whole part of scale times its length.
    """

    def __init__(self, backbone: nn.Module, scales: Sequence[float]) -> None:
        super().__init__()
        self.backbone = backbone
        self.scales = tuple(scales)

    def output_shape(self) -> dict[str, ShapeSpec]:
        """Channels and stride of the maps at scale 1."""
        return self.backbone.output_shape()  # type: ignore[operator]  # a module, not a Tensor

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        maps = dict(self.backbone(images))
        for scale in self.scales:
            size = [int(side * scale) for side in images.shape[-2:]]
            resized = F.interpolate(images, size, mode="bilinear", align_corners=False)
            maps |= {f"{name}@{scale:g}": x for name, x in self.backbone(resized).items()}
        return maps


def by_scale(maps: dict[str, Tensor]) -> list[dict[str, Tensor]]:
    """Maps under their plain names, one dict a scale; that of scale 1 is the last."""
    scales: dict[str, dict[str, Tensor]] = {}
    for key, x in maps.items():
        name, _, scale = key.partition("@")
        scales.setdefault(scale, {})[name] = x
    return [*(scales[scale] for scale in scales if scale), scales[""]]
