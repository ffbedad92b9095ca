"""
DPT's encoder (Ranftl et al., ICCV 2021, arXiv 2103.13413): a ViT whose tokens become maps of
several strides. LSeg (arXiv 2201.03546) reads all four; SAZS (arXiv 2304.08491) one, of stride 8.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ..runtime.config import CfgNode, configurable
from ..runtime.layers import ShapeSpec
from ..runtime.modeling import BACKBONE_REGISTRY
from .vit import ViT

STRIDES = {"res2": 4, "res3": 8, "res4": 16, "res5": 32}
READOUTS = ("project", "add", "ignore")


@BACKBONE_REGISTRY.register()
class DPT(nn.Module):
    """
    Features "res2" (stride 4) to "res5" (stride 32).

    Args:
        vit: has as many blocks as the deepest feature needs.
        taps: block, counted from 0, that each of res2 to res5 is made of.
        channels: of each of them.
        readout: what becomes of the class token, see `Reassemble`.
        out_features: those to return; the others are not built.

    Raises:
        ValueError: not four taps or channels, or a name that is no feature.
    """

    @configurable
    def __init__(
        self,
        *,
        vit: ViT,
        taps: Sequence[int],
        channels: Sequence[int],
        readout: str = "project",
        out_features: Sequence[str] = tuple(STRIDES),
    ) -> None:
        super().__init__()
        unknown = [name for name in out_features if name not in STRIDES]
        if unknown or not out_features:
            raise ValueError(
                f"out_features is {list(out_features)}; expected some of {list(STRIDES)}."
            )
        if len(taps) != len(STRIDES) or len(channels) != len(STRIDES):
            raise ValueError(
                f"taps {list(taps)} and channels {list(channels)} need one entry for each of "
                f"{list(STRIDES)}."
            )
        names = [name for name in STRIDES if name in out_features]
        self.vit = vit
        self.taps = {name: taps[list(STRIDES).index(name)] for name in names}
        self.channels = {name: channels[list(STRIDES).index(name)] for name in names}
        self.reassemble = nn.ModuleDict(
            {
                name: Reassemble(vit.dim, self.channels[name], vit.patch, STRIDES[name], readout)
                for name in names
            }
        )

    @classmethod
    def from_config(cls, cfg: CfgNode, input_shape: ShapeSpec) -> dict[str, Any]:
        c = cfg.MODEL.DPT
        read = [tap for name, tap in zip(STRIDES, c.TAPS, strict=False) if name in c.OUT_FEATURES]
        vit = ViT(
            dim=c.DIM,
            heads=c.HEADS,
            patch=c.PATCH,
            depth=max(read, default=0) + 1,
            image_size=c.IMAGE_SIZE,
        )
        return {
            "vit": vit,
            "taps": c.TAPS,
            "channels": c.CHANNELS,
            "readout": c.READOUT,
            "out_features": c.OUT_FEATURES,
        }

    def output_shape(self) -> dict[str, ShapeSpec]:
        return {
            name: ShapeSpec(channels=width, stride=STRIDES[name])
            for name, width in self.channels.items()
        }

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """(B, 3, H, W), normalised, sides multiples of the patch -> (B, C, h, w) by name."""
        grid = (images.shape[-2] // self.vit.patch, images.shape[-1] // self.vit.patch)
        tokens = self.vit(images, list(self.taps.values()))
        return {
            name: reassemble(tapped, grid)
            for (name, reassemble), tapped in zip(self.reassemble.items(), tokens, strict=True)
        }


class Reassemble(nn.Module):
    """
    Tokens to a map: the class token is read out, channels are projected, the grid is resized.

    Args:
        dim: width C of the tokens.
        channels: of the map.
        patch, stride: pixels a cell of the tokens' grid, and of the map.
        readout: "project" maps [patch, class token] back to C, "add" adds the class token to every
            patch, "ignore" forgets it.

    Raises:
        ValueError: another readout.
    """

    def __init__(self, dim: int, channels: int, patch: int, stride: int, readout: str) -> None:
        super().__init__()
        if readout not in READOUTS:
            raise ValueError(f"no readout is called {readout!r}; there are {', '.join(READOUTS)}.")
        self.readout = readout
        if readout == "project":
            self.read = nn.Sequential(nn.Linear(2 * dim, dim), nn.GELU())
        self.project = nn.Conv2d(dim, channels, 1)
        self.resample: nn.Module = nn.Identity()
        if stride < patch:
            self.resample = nn.ConvTranspose2d(
                channels, channels, patch // stride, stride=patch // stride
            )
        elif stride > patch:
            self.resample = nn.Conv2d(channels, channels, 3, stride=stride // patch, padding=1)

    def forward(self, tokens: Tensor, grid: tuple[int, int]) -> Tensor:
        """(B, 1 + h * w, C) and (h, w) -> (B, channels, h', w')."""
        summary, patches = tokens[:, :1], tokens[:, 1:]
        if self.readout == "project":
            patches = self.read(torch.cat((patches, summary.expand_as(patches)), -1))
        elif self.readout == "add":
            patches = patches + summary
        return self.resample(self.project(patches.mT.unflatten(2, grid)))
