"""The decoder of aggregated maps: class by class to a finer grid, guided by the backbone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from torch import Tensor, nn

from ..runtime.config import CfgNode, configurable
from .guided import guided_conv


class UpBlock(nn.Module):
    """
    Twice the size: a transposed convolution beside guidance, then two 3x3 convolutions with
    GroupNorm (16 channels a group).

    Args:
        in_channels, channels: before and after; `channels` is a multiple of 16.
        guidance_dim: channels of guidance; 0 for none.
    """

    def __init__(self, in_channels: int, channels: int, guidance_dim: int) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(in_channels, in_channels - guidance_dim, 2, stride=2)
        self.conv = nn.Sequential(
            nn.Conv2d(in_channels, channels, 3, padding=1, bias=False),
            nn.GroupNorm(channels // 16, channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.GroupNorm(channels // 16, channels),
            nn.ReLU(inplace=True),
        )

    def forward(self, x: Tensor, guidance: Tensor | None) -> Tensor:
        """
        Args:
            x: (B, k, C, h, w), maps of k classes.
            guidance: (B, k, G, 2h, 2w), or (B, 1, G, 2h, 2w) for all classes of an image; None
                without.

        Returns:
            Tensor: (B, k, channels, 2h, 2w).
        """
        maps = self.up(x.flatten(0, 1)).unflatten(0, x.shape[:2])
        first = cast(nn.Conv2d, self.conv[0])
        maps = guided_conv(first, maps, guidance)
        return self.conv[1:](maps.flatten(0, 1)).unflatten(0, x.shape[:2])


class UpsamplingDecoder(nn.Module):
    """
    Args:
        in_channels: C.
        channels: of each block.
        guidance_dims: channels of guidance for each block; 0 for none.
        dropout: of whole channels in front of the last convolution; 0.1 in the mmsegmentation port.
        head_std: the last convolution starts with weights of this standard deviation and a bias
            of 0, as in the port; 0 leaves them at torch's start.

    Raises:
        ValueError: channels that are no multiple of 16.
    """

    @configurable
    def __init__(
        self,
        in_channels: int,
        channels: Sequence[int],
        guidance_dims: Sequence[int],
        *,
        dropout: float = 0.0,
        head_std: float = 0.0,
    ) -> None:
        super().__init__()
        if not channels or any(number < 16 or number % 16 for number in channels):
            raise ValueError(
                f"the decoder's blocks have {list(channels)} channels; expected multiples of 16 "
                "(MODEL.AGGREGATION.DECODER_DIMS)."
            )
        widths = [in_channels, *channels]
        self.blocks = nn.ModuleList(
            UpBlock(widths[i], widths[i + 1], guidance) for i, guidance in enumerate(guidance_dims)
        )
        self.dropout = nn.Dropout2d(dropout)
        self.head = nn.Conv2d(widths[-1], 1, 3, padding=1)
        if head_std:
            nn.init.normal_(self.head.weight, std=head_std)
            assert self.head.bias is not None
            nn.init.zeros_(self.head.bias)

    @classmethod
    def from_config(cls, cfg: CfgNode) -> dict[str, Any]:
        options = cfg.MODEL.AGGREGATION
        blocks = len(options.DECODER_DIMS)
        guided = options.DECODER_GUIDANCE_DIMS if options.DECODER_FEATURES else [0] * blocks
        return {
            "in_channels": options.DIM,
            "channels": options.DECODER_DIMS,
            "guidance_dims": guided,
            "dropout": options.DROPOUT,
            "head_std": options.HEAD_STD,
        }

    def forward(self, x: Tensor, guidance: Sequence[Tensor | None]) -> Tensor:
        """(B, k, h, w, C), and guidance as for every `UpBlock` -> logits (B, k, h', w')."""
        maps = x.permute(0, 1, 4, 2, 3)
        for block, own in zip(self.blocks, guidance, strict=True):
            maps = block(maps, own)
        return self.head(self.dropout(maps.flatten(0, 1))).squeeze(1).unflatten(0, x.shape[:2])
