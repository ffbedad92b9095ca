"""A backbone that looks at every image in several sizes, as SPNet's and CaGNet's do."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from ..runtime.layers import ShapeSpec


class MultiScale(nn.Module):
    """
    Maps of the images as they are, "res5", and of resized ones, "res5@0.5".

    Args:
        net: images (B, 3, H, W), normalised -> maps (B, C, h, w) by name; has output_shape().
        scales: of the resized images; each side is the whole part of scale times its length.
        in_prediction: look at resized images in evaluation as well (SPNet), or in training only
            (CaGNet).
    """

    def __init__(
        self, net: nn.Module, scales: Sequence[float], *, in_prediction: bool = True
    ) -> None:
        super().__init__()
        self.net = net
        self.scales = tuple(scales)
        self.in_prediction = in_prediction

    def output_shape(self) -> dict[str, ShapeSpec]:
        """Channels and stride of the maps at scale 1."""
        return self.net.output_shape()  # type: ignore[operator]  # a module, not a Tensor

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        maps = dict(self.net(images))
        if not (self.training or self.in_prediction):
            return maps
        for scale in self.scales:
            size = [int(side * scale) for side in images.shape[-2:]]
            resized = F.interpolate(images, size, mode="bilinear", align_corners=False)
            maps |= {f"{name}@{scale:g}": x for name, x in self.net(resized).items()}
        return maps


def by_scale(maps: dict[str, Tensor]) -> list[dict[str, Tensor]]:
    """Maps under their plain names, one dict a scale; that of scale 1 is the last."""
    scales: dict[str, dict[str, Tensor]] = {}
    for key, x in maps.items():
        name, _, scale = key.partition("@")
        scales.setdefault(scale, {})[name] = x
    return [*(scales[scale] for scale in scales if scale), scales[""]]
