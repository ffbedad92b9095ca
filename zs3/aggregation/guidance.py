"""Guidance: maps of the backbone that tell cost aggregation what belongs together."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn
from torch.nn import functional as F

from ..runtime.config import CfgNode
from ..runtime.layers import ShapeSpec


class GuidanceMap(nn.Module):
    """
    One of the backbone's maps: enlarged where it is too coarse, then projected (3x3, ReLU).

    Args:
        feature: its name.
        in_channels: its channels.
        dim: of the projection.
        scale: a transposed convolution makes this many cells a side of each; 1 for none.
        scaled_dim: channels behind that.
    """

    def __init__(
        self, *, feature: str, in_channels: int, dim: int, scale: int = 1, scaled_dim: int = 0
    ) -> None:
        super().__init__()
        self.feature = feature
        self.dim = dim
        self.upsample: nn.Module = nn.Identity()
        if scale > 1:
            self.upsample = nn.ConvTranspose2d(in_channels, scaled_dim, scale, stride=scale)
            in_channels = scaled_dim
        self.projection = nn.Conv2d(in_channels, dim, 3, padding=1)

    def forward(self, features: dict[str, Tensor], size: tuple[int, int]) -> Tensor:
        """
        Args:
            features: (B, C, h, w) by name.
            size: (h', w') of the map that is guided. Where the backbone's rounds otherwise, it is
                resized (bilinear).

        Returns:
            Tensor: (B, dim, h', w').
        """
        guidance = self.projection(self.upsample(features[self.feature])).relu()
        if guidance.shape[-2:] != size:
            guidance = F.interpolate(guidance, size, mode="bilinear", align_corners=False)
        return guidance


def guidance_maps(
    cfg: CfgNode, input_shape: Mapping[str, ShapeSpec]
) -> tuple[GuidanceMap | None, list[GuidanceMap]]:
    """
    The guidance of layers, and of the decoder's blocks, that MODEL.AGGREGATION names.

    Raises:
        ValueError: features the backbone does not give, or lists of different lengths.
    """
    options = cfg.MODEL.AGGREGATION
    features = options.DECODER_FEATURES
    unknown = sorted({name for name in (options.APPEARANCE, *features) if name} - set(input_shape))
    if unknown:
        raise ValueError(
            f"MODEL.AGGREGATION is guided by {unknown}, but the backbone gives "
            f"{sorted(input_shape)}."
        )
    if len(features) not in (0, len(options.DECODER_DIMS)):
        raise ValueError(
            f"MODEL.AGGREGATION.DECODER_FEATURES are {list(features)} for "
            f"{len(options.DECODER_DIMS)} blocks (DECODER_DIMS); expected one each, or none."
        )
    # The cells that are named, see `PixelGrid`.
    grid = min(input_shape[name].stride or 1 for name in cfg.MODEL.PIXEL_DECODER.IN_FEATURES)

    def guidance(name: str, dim: int, doublings: int, scaled_dim: int) -> GuidanceMap:
        shape = input_shape[name]
        # The grids of two towers may differ a little in stride: 16 and 14 pixels.
        scale = round((shape.stride or 1) * 2**doublings / grid)
        return GuidanceMap(
            feature=name,
            in_channels=shape.channels or 0,
            dim=dim,
            scale=scale if scaled_dim else 1,
            scaled_dim=scaled_dim,
        )

    appearance = (
        guidance(options.APPEARANCE, options.APPEARANCE_DIM, 0, 0) if options.APPEARANCE else None
    )
    dims = zip(features, options.DECODER_GUIDANCE_DIMS, options.UPSAMPLED_DIMS, strict=False)
    return appearance, [
        guidance(name, dim, i, scaled) for i, (name, dim, scaled) in enumerate(dims, 1)
    ]
