"""
Swin Transformer (Liu et al., arXiv 2103.14030) as detectors use it: any image size, a norm a map.

Made of timm's parts, but not timm's network. Published detectors pad a map to whole windows and
shift it then; timm shifts first, which groups other cells wherever the padding is not as wide as
the shift. Names are those of published detectors: `layers.0.blocks.1.attn.qkv`, `norm0`, ...
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from timm.layers import DropPath, Mlp, PatchEmbed
from timm.models.swin_transformer import (
    PatchMerging,
    WindowAttention,
    window_partition,
    window_reverse,
)
from torch import Tensor, nn
from torch.nn import functional as F

from ..runtime.config import CfgNode, configurable
from ..runtime.layers import ShapeSpec
from ..runtime.modeling import BACKBONE_REGISTRY


class SwinBlock(nn.Module):
    """
    Attention inside the windows of a grid, then a perceptron; each with a norm in front.

    Args:
        window: side of a window (cells).
        shift: the grid of windows starts this many cells further down and to the right.
        drop_path: probability of skipping attention or perceptron, for each image of a batch.
    """

    def __init__(
        self,
        dim: int,
        heads: int,
        *,
        window: int,
        shift: int,
        mlp_ratio: float,
        qkv_bias: bool,
        drop_path: float,
    ) -> None:
        super().__init__()
        self.window = window
        self.shift = shift
        self.norm1 = nn.LayerNorm(dim)
        self.attn = WindowAttention(dim, heads, window_size=window, qkv_bias=qkv_bias)
        self.norm2 = nn.LayerNorm(dim)
        self.mlp = Mlp(dim, int(dim * mlp_ratio))
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor) -> Tensor:
        """(B, h, w, C) -> (B, h, w, C)"""
        x = x + self.drop_path(self._attend(self.norm1(x)))
        return x + self.drop_path(self.mlp(self.norm2(x)))

    def _attend(self, x: Tensor) -> Tensor:
        _, height, width, channels = x.shape
        window, shift = self.window, self.shift
        x = F.pad(x, (0, 0, 0, -width % window, 0, -height % window))
        padded = (x.shape[1], x.shape[2])
        x = torch.roll(x, (-shift, -shift), (1, 2))
        cells = window_partition(x, (window, window)).flatten(1, 2)  # (B * windows, cells, C)
        mask = shift_mask(padded, window, shift, x) if shift else None
        cells = self.attn(cells, mask).view(-1, window, window, channels)
        x = torch.roll(window_reverse(cells, (window, window), *padded), (shift, shift), (1, 2))
        return x[:, :height, :width]


def shift_mask(size: tuple[int, int], window: int, shift: int, like: Tensor) -> Tensor:
    """
    What to add to the attention between the cells of a window. A shifted map is rolled up, so that
    its last windows hold cells from opposite borders: those get -100.

    Args:
        size: of the map, whole windows.
        like: a tensor of the type and device wanted.

    Returns:
        Tensor: (windows, cells, cells).
    """
    bands = [
        (at >= side - window).int() + (at >= side - shift).int()
        for side in size
        for at in [torch.arange(side, device=like.device)]
    ]
    areas = 3 * bands[0][:, None] + bands[1]
    areas = window_partition(areas[None, ..., None], (window, window)).flatten(1)
    apart = areas[:, None] != areas[:, :, None]
    return apart.to(like.dtype) * -100


class SwinStage(nn.Module):
    """
    Blocks on one grid, every other one shifted; then patches are merged for the next stage.

    Args:
        drop_path: of each block.
        has_next: without a next stage nothing is merged.
        options: of the blocks.
    """

    def __init__(
        self,
        dim: int,
        heads: int,
        *,
        window: int,
        drop_path: Sequence[float],
        has_next: bool,
        **options: Any,  # Any: they differ in type
    ) -> None:
        super().__init__()
        self.blocks = nn.Sequential(
            *(
                SwinBlock(
                    dim,
                    heads,
                    window=window,
                    shift=window // 2 if i % 2 else 0,
                    drop_path=probability,
                    **options,
                )
                for i, probability in enumerate(drop_path)
            )
        )
        self.downsample = PatchMerging(dim) if has_next else nn.Identity()

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(B, h, w, C) -> the same, and (B, h / 2, w / 2, 2 C) with sizes rounded up."""
        x = self.blocks(x)
        return x, self.downsample(x)


@BACKBONE_REGISTRY.register()
class Swin(nn.Module):
    """
    Features "res2" (stride of a patch) to "res5" (8 times that), each with a norm of its own.

    Args:
        embed_dim: channels of res2; every later stage has twice those of the one before.
        depths, heads: blocks and attention heads of each stage.
        window: side of the windows (cells). Weights belong to the window they were trained with.
        patch_size: side of the patches (pixels).
        mlp_ratio: width of the perceptrons in channels of their stage.
        qkv_bias: queries, keys and values have a bias.
        patch_norm: a norm behind the patches.
        drop_path: probability of skipping the last block's parts, growing linearly from 0.
        out_features: those to return; stages after the last of them are dropped.

    Raises:
        ValueError: lists of different lengths, or features that there are not.
    """

    @configurable
    def __init__(
        self,
        *,
        embed_dim: int = 96,
        depths: Sequence[int] = (2, 2, 6, 2),
        heads: Sequence[int] = (3, 6, 12, 24),
        window: int = 7,
        patch_size: int = 4,
        mlp_ratio: float = 4.0,
        qkv_bias: bool = True,
        patch_norm: bool = True,
        drop_path: float = 0.3,
        out_features: Sequence[str] = ("res2", "res3", "res4", "res5"),
    ) -> None:
        super().__init__()
        names = [f"res{i}" for i in range(2, 2 + len(depths))]
        if len(heads) != len(depths):
            raise ValueError(
                f"depths {list(depths)} and heads {list(heads)} must have one number a stage each."
            )
        if not out_features or not set(out_features) <= set(names):
            raise ValueError(f"out_features is {list(out_features)}; expected some of {names}.")
        stages = 1 + max(map(names.index, out_features))
        self.norms = {name: f"norm{i}" for i, name in enumerate(names) if name in out_features}
        self.channels = [embed_dim * 2**i for i in range(stages)]
        self.patch_size = patch_size
        self.patch_embed = PatchEmbed(
            img_size=None,
            patch_size=patch_size,
            embed_dim=embed_dim,
            norm_layer=nn.LayerNorm if patch_norm else None,
            output_fmt="NHWC",
            dynamic_img_pad=True,
        )
        blocks = sum(depths)
        rates = [drop_path * i / max(blocks - 1, 1) for i in range(blocks)]
        self.layers = nn.ModuleList(
            SwinStage(
                dim,
                heads[i],
                window=window,
                drop_path=rates[sum(depths[:i]) : sum(depths[: i + 1])],
                has_next=i + 1 < stages,
                mlp_ratio=mlp_ratio,
                qkv_bias=qkv_bias,
            )
            for i, dim in enumerate(self.channels)
        )
        for name, norm in self.norms.items():
            self.add_module(norm, nn.LayerNorm(self.channels[names.index(name)]))
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    @classmethod
    def from_config(cls, cfg: CfgNode, input_shape: ShapeSpec) -> dict[str, Any]:
        swin = cfg.MODEL.SWIN
        return {
            "embed_dim": swin.EMBED_DIM,
            "depths": swin.DEPTHS,
            "heads": swin.NUM_HEADS,
            "window": swin.WINDOW_SIZE,
            "patch_size": swin.PATCH_SIZE,
            "mlp_ratio": swin.MLP_RATIO,
            "qkv_bias": swin.QKV_BIAS,
            "patch_norm": swin.PATCH_NORM,
            "drop_path": swin.DROP_PATH_RATE,
            "out_features": swin.OUT_FEATURES,
        }

    def output_shape(self) -> dict[str, ShapeSpec]:
        shapes = {
            f"res{i + 2}": ShapeSpec(channels=channels, stride=self.patch_size * 2**i)
            for i, channels in enumerate(self.channels)
        }
        return {name: shapes[name] for name in self.norms}

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """
        (B, 3, H, W), normalised, of any size -> features by name, (B, C, h, w) each, h = ceil(H /
        stride).
        """
        maps, x = {}, self.patch_embed(images)
        for i, layer in enumerate(self.layers):
            features, x = layer(x)
            if norm := self.norms.get(f"res{i + 2}"):
                maps[f"res{i + 2}"] = getattr(self, norm)(features).permute(0, 3, 1, 2)
        return maps
