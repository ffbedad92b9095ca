"""
The image tower of a CLIP with vision transformer (Radford et al., arXiv 2103.00020), asked for more
than the one vector it was trained for: a vector for every patch, or one for every mask.

Works on a finished `open_clip` tower, and adds no parameters unless prompts are asked for. Shape
letters beside the usual ones: h w, the grid of patches; C, the tower's width; D, of the space
shared with text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from open_clip.transformer import ResidualAttentionBlock, VisionTransformer
from torch import Tensor, nn

from ..resize import squash
from ..runtime.config import CfgNode, configurable
from ..runtime.layers import ShapeSpec
from ..runtime.modeling import BACKBONE_REGISTRY
from ..text.clip import configured_clip
from ..text.split_attention import SplitAttention, value_weight
from .conv_norm import freeze

# (last block, its input, its output), tokens (B, 1 + hw, C) each -> tokens for dense features.
DenseMode = Callable[[ResidualAttentionBlock, Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class ClipFeatures:
    """
    Attributes:
        patches: (B, D, h, w), one vector a patch, any scale.
        summary: (B, D), the class embedding: what `encode` gives if there are no prompts.
        levels: (B, C, h, w) each, patch tokens after the blocks asked for, neither normed nor
            projected.
    """

    patches: Tensor
    summary: Tensor
    levels: tuple[Tensor, ...]


@BACKBONE_REGISTRY.register()
class ClipVisual(nn.Module):
    """
    CLIP's image tower. As a backbone it gives the features "clip" (the dense one) and "block0",
    "block1", ... (levels).

    Args:
        visual: an open_clip vision transformer. It is used, not copied.
        dense: how patches get their vectors. "tokens": what the last block makes of them, which is
            what CLIP computes and never trained. "value": what the last block's attention would
            take from them, u = W_o W_v ln_1(x), without attending (MaskCLIP, arXiv 2112.01071).
            "value_block": the last block with u in the place of attention, y = x + u and then
            y + MLP(ln_2(y)) (CAT-Seg v1). "value_class": the same with the class token's x for all
            tokens; a slip that CAT-Seg v2's weights were trained with.
        levels: numbers of blocks, the first is 0.
        interpolation: how positions are resized for another grid: "bicubic" or "bilinear".
        image_size: squash images to this side (pixels) first; 0 takes them as they are. As a
            backbone only, in `forward`.
        add_class_twice: the class token starts as 2 c + p[0] instead of c + p[0]. A slip of ZegCLIP
            and Cascade-CLIP that their weights were trained with.
        prompts: learned tokens between the class token and the patches, in `features`: how many of
            the first blocks get new ones in the place of those before, and how many tokens
            (CAT-Seg's PROMPT_DEPTH and PROMPT_LENGTH); (0, 0) for none.

    Raises:
        ValueError: another kind of tower, an unknown dense mode, or levels or prompted blocks that
            there are not.
    """

    @configurable
    def __init__(
        self,
        *,
        visual: VisionTransformer,
        dense: str = "tokens",
        levels: Sequence[int] = (),
        interpolation: str = "bicubic",
        image_size: int = 0,
        add_class_twice: bool = False,
        prompts: tuple[int, int] = (0, 0),
    ) -> None:
        super().__init__()
        _check(visual)
        blocks = len(visual.transformer.resblocks)
        if dense not in DENSE_MODES:
            raise ValueError(f"dense is {dense!r}; expected one of {', '.join(DENSE_MODES)}.")
        if not all(0 <= level < blocks for level in levels):
            raise ValueError(f"levels is {list(levels)}; expected numbers of 0..{blocks - 1}.")
        depth, length = prompts
        if not 0 <= depth <= blocks or (depth > 0) != (length > 0):
            raise ValueError(
                f"{length} prompts for {depth} blocks; expected 1 or more for 1..{blocks}, or "
                "[0, 0] for none (MODEL.CLIP_VISUAL.PROMPTS)."
            )
        self.visual: VisionTransformer = visual
        self.dense = dense
        self.levels = tuple(levels)
        self.interpolation = interpolation
        self.image_size = image_size
        self.add_class_twice = add_class_twice
        if dense == "value":  # which never asks the last block's perceptron
            freeze(self.blocks[-1].ln_2)
            freeze(self.blocks[-1].mlp)
        if dense != "tokens" and isinstance(self.blocks[-1].attn, SplitAttention):  # nor attends
            self.blocks[-1].attn.q_proj_weight.requires_grad_(False)
            self.blocks[-1].attn.k_proj_weight.requires_grad_(False)
        self.dim: int = visual.proj.shape[1]
        self.prompts: nn.Parameter | None = None
        if depth:
            self.prompts = nn.Parameter(torch.empty(depth, length, visual.conv1.out_channels))
            nn.init.xavier_uniform_(self.prompts)

    @classmethod
    def from_config(cls, cfg: CfgNode, input_shape: ShapeSpec) -> dict[str, Any]:
        model, _ = configured_clip(cfg)
        return {
            "visual": model.visual,
            "dense": cfg.MODEL.CLIP_VISUAL.DENSE,
            "levels": cfg.MODEL.CLIP_VISUAL.LEVELS,
            "interpolation": cfg.MODEL.CLIP_VISUAL.INTERPOLATION,
            "add_class_twice": cfg.MODEL.CLIP_VISUAL.ADD_CLASS_TWICE,
            "image_size": cfg.MODEL.CLIP_VISUAL.SQUASH_TO,
            "prompts": tuple(cfg.MODEL.CLIP_VISUAL.PROMPTS),
        }

    @property
    def blocks(self) -> Sequence[ResidualAttentionBlock]:
        return self.visual.transformer.resblocks

    def output_shape(self) -> dict[str, ShapeSpec]:
        stride = self.visual.patch_size[0]
        width = self.visual.conv1.out_channels
        return {
            "clip": ShapeSpec(channels=self.dim, stride=stride),
            **{f"block{i}": ShapeSpec(channels=width, stride=stride) for i in self.levels},
        }

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """(B, 3, H, W), normalised -> (B, C, h, w) maps by name."""
        if self.image_size:
            images = squash(images, self.image_size)
        features = self.features(images)
        names = [f"block{i}" for i in self.levels]
        return {"clip": features.patches, **dict(zip(names, features.levels, strict=True))}

    def features(self, images: Tensor) -> ClipFeatures:
        """
        Args:
            images: (B, 3, H, W), normalised; H and W multiples of the patch size, otherwise of any
                size.

        Raises:
            ValueError: they are not.
        """
        tokens, grid = self.embed(images)
        patches = slice(-grid[0] * grid[1], None)
        levels = {}
        for i, block in enumerate(self.blocks):
            if self.prompts is not None and i < len(self.prompts):
                prompts = self.prompts[i].expand(len(images), -1, -1)
                tokens = torch.cat([tokens[:, :1], prompts, tokens[:, patches]], dim=1)
            before, tokens = tokens, block(tokens)
            if i in self.levels:
                levels[i] = as_map(tokens[:, patches], grid)
        dense = DENSE_MODES[self.dense](block, before, tokens)
        return ClipFeatures(
            patches=as_map(self.project(dense[:, patches]), grid),
            summary=self.project(tokens[:, 0]),
            levels=tuple(levels[i] for i in self.levels),
        )

    def encode(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) as for `features` -> (B, D), CLIP's embedding of images, of any length."""
        tokens, _ = self.embed(images)
        for block in self.blocks:
            tokens = block(tokens)
        return self.project(tokens[:, 0])

    def pooled(self, images: Tensor, masks: Tensor) -> Tensor:
        """
        One pass over the images, one embedding for each mask (Ding et al., arXiv 2208.08984).

        Every mask gets a class token of its own, which goes through all blocks beside the patches.
        It sees itself and what is inside its mask:

            attention logit of patch p for mask n = q_n . k_p / sqrt(d) + log(share of p inside n)

        Patches never see these tokens, so masks do not influence each other. With a mask of
        everything this is `encode`; an empty mask sees nothing but itself.

        Args:
            images: (B, 3, H, W) as for `features`.
            masks: (B, N, h', w') bool, or weights in 0..1, over the whole image, of any size.

        Returns:
            Tensor: (B, N, D), of any length.
        """
        tokens, grid = self.embed(images)
        shares = F.adaptive_avg_pool2d(masks.to(tokens.dtype), grid).flatten(2)
        itself = torch.eye(masks.shape[1], device=shares.device, dtype=shares.dtype)
        bias = torch.cat([itself.expand(len(shares), -1, -1), shares], dim=2).log()
        bias = bias.repeat_interleave(self.blocks[0].attn.num_heads, dim=0)
        classes = tokens[:, :1].expand(-1, masks.shape[1], -1)
        for block in self.blocks:
            classes, tokens = _look(block, classes, tokens[:, 1:], bias), block(tokens)
        return self.project(classes)

    def embed(self, images: Tensor) -> tuple[Tensor, tuple[int, int]]:
        """
        (B, 3, H, W) as for `features` -> tokens that enter the first block (B, 1 + hw, C), class
        first; (h, w).
        """
        visual = self.visual
        (height, width), (ph, pw) = images.shape[-2:], visual.patch_size
        if height % ph or width % pw or not height or not width:
            raise ValueError(
                f"images of {height}x{width} do not divide into patches of {ph}x{pw}; resize them, "
                "or pad them to multiples of it (INPUT.SIZE_DIVISIBILITY)."
            )
        grid = height // ph, width // pw
        patches = visual.conv1(images).flatten(2).transpose(1, 2)
        start = visual.class_embedding.to(patches.dtype).expand(len(images), 1, -1)
        positions = resize_positions(
            visual.positional_embedding, visual.grid_size, grid, self.interpolation
        )
        tokens = torch.cat([start, patches], dim=1) + positions.to(patches.dtype)
        if self.add_class_twice:
            tokens = torch.cat([tokens[:, :1] + start, tokens[:, 1:]], dim=1)
        return visual.ln_pre(tokens), grid

    def project(self, tokens: Tensor) -> Tensor:
        """Tokens of the last block (..., C) -> (..., D)."""
        return self.visual.ln_post(tokens) @ self.visual.proj


def resize_positions(
    positions: Tensor, old: tuple[int, int], new: tuple[int, int], mode: str
) -> Tensor:
    """
    Positions of another grid, by interpolation (align_corners False, no antialiasing).

    Args:
        positions: (1 + h * w, C), the class token's first; its row is kept.
        old, new: (h, w) before and after.
        mode: "bicubic" or "bilinear".

    Returns:
        Tensor: (1 + h * w, C) of the new grid; the same tensor if nothing changes.
    """
    if old == new:
        return positions
    patches = as_map(positions[None, 1:], old)
    patches = F.interpolate(patches, new, mode=mode, align_corners=False)
    return torch.cat([positions[:1], patches[0].flatten(1).T])


def _check(visual: object) -> None:
    plain = (
        isinstance(visual, VisionTransformer)
        and visual.attn_pool is None
        and visual.pool_type == "tok"
        and all(isinstance(block, ResidualAttentionBlock) for block in visual.transformer.resblocks)
    )
    if not plain:
        raise ValueError(
            "ClipVisual needs a plain vision transformer with a class token, but got a "
            f"{type(visual).__name__}; choose a CLIP such as ViT-B-16 (MODEL.CLIP.NAME)."
        )


def as_map(tokens: Tensor, grid: tuple[int, int]) -> Tensor:
    """(B, hw, C) -> (B, C, h, w)."""
    return tokens.transpose(1, 2).unflatten(2, grid)


def _look(block: ResidualAttentionBlock, classes: Tensor, patches: Tensor, bias: Tensor) -> Tensor:
    """
    A block for the class tokens alone.

    Args:
        classes: (B, N, C).
        patches: (B, hw, C), as they enter the block.
        bias: (B * heads, N, N + hw), added to the attention logits.
    """
    context = block.ln_1(torch.cat([classes, patches], dim=1))
    queries = context[:, : classes.shape[1]]
    classes = classes + block.ls_1(block.attention(queries, context, context, attn_mask=bias))
    return classes + block.ls_2(block.mlp(block.ln_2(classes)))


def _value_path(block: ResidualAttentionBlock, before: Tensor, after: Tensor) -> Tensor:
    """W_o (W_v ln_1(x) + b_v) + b_o for every token: attention in which each sees only itself."""
    attention = block.attn
    bias = attention.in_proj_bias.chunk(3)[2]
    return attention.out_proj(F.linear(block.ln_1(before), value_weight(attention), bias))


def _value_block(block: ResidualAttentionBlock, before: Tensor, after: Tensor) -> Tensor:
    """The block with the value path in the place of attention."""
    return _finished(block, before + _value_path(block, before, after))


def _value_class(block: ResidualAttentionBlock, before: Tensor, after: Tensor) -> Tensor:
    """The same, but what the value path is added to is the class token, for all tokens."""
    return _finished(block, before[:, :1] + _value_path(block, before, after))


def _finished(block: ResidualAttentionBlock, tokens: Tensor) -> Tensor:
    return tokens + block.mlp(block.ln_2(tokens))


DENSE_MODES: dict[str, DenseMode] = {
    "tokens": lambda block, before, after: after,
    "value": _value_path,
    "value_block": _value_block,
    "value_class": _value_class,
}
