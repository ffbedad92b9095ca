"""What further maps of the backbone say about regions, for namings that ask several levels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from torch import Tensor, nn
from torch.nn import functional as F

from ..regions import Regions
from ..runtime.layers import ShapeSpec
from .transformer import map_tokens


class WithLevels(nn.Module):
    """
    Any grouping, whose regions get levels and a summary of the image.

    A level of a pixel is the map at its place (bilinear if the grids differ), that of a mask the
    map's mean weighted by sigmoid(mask); the mask is not trained through it. The summary is the
    mean over a map.

    Args:
        grouping: the regions.
        input_shape: of the backbone's maps by name.
        levels: maps, shallow to deep.
        summary: a map; "" for none.
        level_dim: width that levels and summary are projected to, by a linear map each, and brought
            to unit length; 0 takes them as they are.

    Raises:
        ValueError: the backbone has no map of that name.
    """

    def __init__(
        self,
        grouping: nn.Module,
        input_shape: dict[str, ShapeSpec],
        *,
        levels: Sequence[str],
        summary: str = "",
        level_dim: int = 0,
    ) -> None:
        super().__init__()
        self.grouping = grouping
        self.embedding_dim: int = cast(int, grouping.embedding_dim)
        self.levels = tuple(levels)
        self.summary = summary
        asked = [*levels, summary] if summary else [*levels]
        unknown = [name for name in asked if name not in input_shape]
        if unknown:
            raise ValueError(
                f"MODEL.GROUPING.LEVELS and SUMMARY ask for {unknown}, and the backbone gives "
                f"{sorted(input_shape)}; choose among these."
            )
        channels = {name: cast(int, input_shape[name].channels) for name in asked if level_dim}
        self.projections = nn.ModuleDict(
            {name: nn.Linear(width, level_dim) for name, width in channels.items()}
        )

    def forward(self, features: dict[str, Tensor]) -> list[Regions]:
        """Backbone maps (B, C_l, h_l, w_l) by name -> the grouping's regions, with levels."""
        summary = None
        if self.summary:
            summary = self._projected(self.summary, features[self.summary].mean((2, 3)))
        return [
            replace(
                regions,
                levels=tuple(
                    self._projected(name, at_regions(features[name], regions))
                    for name in self.levels
                ),
                summary=summary,
            )
            for regions in self.grouping(features)
        ]

    def _projected(self, name: str, x: Tensor) -> Tensor:
        if name not in self.projections:
            return x
        return F.normalize(self.projections[name](x), dim=-1)


def at_regions(features: Tensor, regions: Regions) -> Tensor:
    """A map (B, C, h', w') at N regions: (B, N, C)."""
    if regions.masks is None:
        if features.shape[2:] != regions.grid:
            features = F.interpolate(features, regions.grid, mode="bilinear", align_corners=False)
        return map_tokens(features)
    size = (features.shape[2], features.shape[3])
    cover = F.adaptive_avg_pool2d(regions.masks.detach().sigmoid(), size).flatten(2)
    return cover @ map_tokens(features) / cover.sum(2, keepdim=True).clamp(min=1e-6)
