"""
CLIP's image tower with deep visual prompts, the tower itself being left as it is: the encoder of
ZegCLIP (arXiv 2212.03588) and, with tapped levels, of Cascade-CLIP (arXiv 2406.00670).

Shape letters beside the usual ones: P prompt tokens of a block; C, the tower's width; D, of the
space shared with text; h w, the grid of patches.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..runtime.config import CfgNode, configurable
from ..runtime.layers import ShapeSpec
from ..runtime.modeling import BACKBONE_REGISTRY
from .clip_visual import ClipVisual, as_map, resize_positions


@BACKBONE_REGISTRY.register()
class PromptedClipVisual(nn.Module):
    """
    Every prompted block reads P learned tokens between the class token and the patches; what it
    makes of them is thrown away. All features have unit length and the width of the text: "clip",
    the last block's patches; "clip_summary", its class token, a map of one cell; "block5", ..., the
    tapped levels, shallow to deep.

    A level's projection is random and belongs to the encoder: the published ones are never trained,
    and differ from run to run (MODEL.FREEZE names them).

    Args:
        tower: CLIP's. It is used, not copied.
        num_prompts: P.
        prompted_blocks: how many of the first blocks have prompts of their own; 0 for all.
        levels: numbers of the tapped blocks, the first is 0.
        dropout: on the prompts, for each image anew.

    Raises:
        ValueError: no prompts, or blocks that there are not.
    """

    @configurable
    def __init__(
        self,
        *,
        tower: ClipVisual,
        num_prompts: int = 10,
        prompted_blocks: int = 0,
        levels: Sequence[int] = (),
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        blocks = len(tower.blocks)
        if num_prompts < 1 or not 0 <= prompted_blocks <= blocks:
            raise ValueError(
                f"{num_prompts} prompts for {prompted_blocks} blocks; expected 1 prompt or more "
                f"(MODEL.CLIP_PROMPTS.NUM) for up to {blocks} blocks, 0 for all "
                "(MODEL.CLIP_PROMPTS.BLOCKS)."
            )
        if not all(0 <= level < blocks for level in levels) or list(levels) != sorted(set(levels)):
            raise ValueError(
                f"levels is {list(levels)}; expected increasing numbers of 0..{blocks - 1} "
                "(MODEL.CLIP_VISUAL.LEVELS)."
            )
        self.tower = tower
        self.levels = tuple(levels)
        patch = tower.visual.conv1
        width = patch.out_channels
        bound = math.sqrt(6 / (patch.in_channels * math.prod(patch.kernel_size) + width))
        self.prompts = nn.Parameter(torch.empty(1, num_prompts, width))
        self.deep_prompts = nn.Parameter(
            torch.empty((prompted_blocks or blocks) - 1, num_prompts, width)
        )
        for prompts in (self.prompts, self.deep_prompts):
            nn.init.uniform_(prompts, -bound, bound)
        self.prompt_projection = nn.Linear(width, width)
        nn.init.kaiming_normal_(self.prompt_projection.weight, mode="fan_out")
        self.prompt_norm = nn.LayerNorm(width, eps=1e-6)
        self.prompt_dropout = nn.Dropout(dropout)
        self.level_norms = nn.ModuleList(nn.LayerNorm(width) for _ in levels)
        if levels:
            self.level_projections = nn.Parameter(torch.empty(len(levels), width, tower.dim))
            nn.init.normal_(self.level_projections, std=width**-0.5)

    @classmethod
    def from_config(cls, cfg: CfgNode, input_shape: ShapeSpec) -> dict[str, Any]:
        options = ClipVisual.from_config(cfg, input_shape)
        levels = options.pop("levels")
        tower = ClipVisual(**{**options, "dense": "tokens", "prompts": (0, 0)})
        if cfg.MODEL.CLIP_VISUAL.IMAGE_SIZE:
            keep_positions_for(tower, cfg.MODEL.CLIP_VISUAL.IMAGE_SIZE)
        return {
            "tower": tower,
            "num_prompts": cfg.MODEL.CLIP_PROMPTS.NUM,
            "prompted_blocks": cfg.MODEL.CLIP_PROMPTS.BLOCKS,
            "levels": levels,
            "dropout": cfg.MODEL.CLIP_PROMPTS.DROPOUT,
        }

    def output_shape(self) -> dict[str, ShapeSpec]:
        names = [*(f"block{i}" for i in self.levels), "clip"]
        stride = self.tower.visual.patch_size[0]
        return {
            **{name: ShapeSpec(channels=self.tower.dim, stride=stride) for name in names},
            "clip_summary": ShapeSpec(channels=self.tower.dim),
        }

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """
        Args:
            images: (B, 3, H, W), normalised; H and W multiples of the patch size.

        Returns:
            dict: (B, D, h, w) maps by name; "clip_summary" is (B, D, 1, 1).
        """
        tokens, grid = self.tower.embed(images)
        patches = grid[0] * grid[1]
        prompts = self.prompt_projection(torch.cat([self.prompts, self.deep_prompts]))
        features: dict[str, Tensor] = {}
        for i, block in enumerate(self.tower.blocks):
            parts = [tokens[:, :1], tokens[:, -patches:]]
            if i < len(prompts):
                own = prompts[i].expand(len(images), -1, -1)
                parts.insert(1, self.prompt_dropout(own))
            tokens = block(torch.cat(parts, dim=1))
            if i in self.levels:
                level = self.levels.index(i)
                normed = self.level_norms[level](self.prompt_norm(tokens[:, -patches:]))
                features[f"block{i}"] = as_map(normed @ self.level_projections[level], grid)
        final = self.tower.project(self.prompt_norm(tokens))
        features["clip"] = as_map(final[:, -patches:], grid)
        features["clip_summary"] = final[:, 0, :, None, None]
        return {name: F.normalize(feature, dim=1) for name, feature in features.items()}


def keep_positions_for(tower: ClipVisual, side: int) -> None:
    """
    Makes the positions of a tower those of square images of another size, in place.

    Args:
        side: of the images in pixels, a multiple of the patch size.

    Raises:
        ValueError: it is none.
    """
    visual = tower.visual
    height, width = visual.patch_size
    if side % height or side % width:
        raise ValueError(
            f"MODEL.CLIP_VISUAL.IMAGE_SIZE is {side}; expected a multiple of the patches, "
            f"{height}x{width} pixels."
        )
    grid = side // height, side // width
    positions = visual.positional_embedding.detach()
    resized = resize_positions(positions, visual.grid_size, grid, tower.interpolation)
    visual.positional_embedding = nn.Parameter(resized)
    visual.grid_size, visual.image_size = grid, (side, side)
