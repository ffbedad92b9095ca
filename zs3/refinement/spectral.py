"""
The spectral prior: predictions lean on segments that the image has without any label (SAZS, CVPR
2023, arXiv 2304.08491, section 3.4; here without the ground truth).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..registry import REFINER_REGISTRY
from ..runtime.config import CfgNode, configurable
from ..scene import Scene
from ..spectral.fusion import FUSIONS, best_overlap_of_masks
from ..spectral.segmenter import BACKBONE, EigenSegmenter, build_segmenter
from ..text import TextBank


@REFINER_REGISTRY.register()
class SpectralPrior(nn.Module):
    """
    Per-pixel methods have their class logits refined, mask proposals the masks.

    Args:
        segmenter: image -> eigenvectors.
        fusion: name of what is done with them, see `FUSIONS`.
        strength: of the fusion, 0..1; of "best_overlap" the least IoU.
        feature: name of the backbone's map that the graph is made of; "" if the segmenter has
            features of its own.

    Raises:
        ValueError: an unknown fusion, or a strength beyond 0..1.
    """

    @configurable
    def __init__(
        self,
        *,
        segmenter: EigenSegmenter,
        fusion: str = "diffusion",
        strength: float = 0.6,
        feature: str = "",
    ) -> None:
        super().__init__()
        if fusion not in FUSIONS:
            raise ValueError(
                f"no spectral fusion is called {fusion!r}; there are {', '.join(FUSIONS)}."
            )
        if not 0 <= strength <= 1:
            raise ValueError(f"MODEL.SPECTRAL.STRENGTH is {strength}; expected 0 to 1.")
        self.segmenter = segmenter
        self.fusion = fusion
        self.strength = strength
        self.feature = feature

    @classmethod
    def from_config(cls, cfg: CfgNode, text: TextBank) -> dict[str, Any]:
        c = cfg.MODEL.SPECTRAL
        return {
            "segmenter": build_segmenter(cfg),
            "fusion": c.FUSION,
            "strength": c.STRENGTH,
            "feature": c.FEATURE if c.FEATURES == BACKBONE else "",
        }

    def forward(self, maps: Tensor, scene: Scene, *, competing: bool = True) -> Tensor:
        """
        Args:
            maps: (B, K, h, w) logits of the padded images.
            competing: they are of classes; those of masks do not compete for a cell.

        Returns:
            Tensor: the same at the finer of both grids.
        """
        fuse = FUSIONS[self.fusion]
        if self.fusion == "best_overlap" and not competing:
            fuse = best_overlap_of_masks
        padded = scene.images.padded_size
        stride = self.segmenter.stride or padded[0]
        finer = max(round(padded[0] / maps.shape[2] / stride), 1)
        size = (finer * maps.shape[2], finer * maps.shape[3])
        refined = F.interpolate(maps, size, mode="bilinear", align_corners=False)
        for i, image in enumerate(scene.images.images):
            rows, columns = inside(size, image.shape[1:], padded)
            vectors = self.segmenter(image, self._features(scene, i)).to(maps)
            vectors = F.interpolate(
                vectors[None], (rows, columns), mode="bilinear", align_corners=False
            )[0]
            refined[i, :, :rows, :columns] = fuse(
                refined[i, :, :rows, :columns], vectors, self.strength
            )
        return refined

    def _features(self, scene: Scene, image: int) -> Tensor | None:
        """(C, h, w), what the backbone says of one image."""
        if not self.feature:
            return None
        if self.feature not in scene.features:
            raise ValueError(
                f"MODEL.SPECTRAL.FEATURE is {self.feature!r}, but the backbone gives "
                f"{', '.join(scene.features)}."
            )
        maps = scene.features[self.feature][image]
        size = scene.images.sizes[image]
        rows, columns = inside(maps.shape[1:], size, scene.images.padded_size)
        return maps[:, :rows, :columns]


def inside(
    grid: torch.Size | tuple[int, int],
    size: torch.Size | tuple[int, int],
    padded: tuple[int, int],
) -> tuple[int, int]:
    """How many rows and columns of a padded image's grid show the image, in part at least."""
    rows, columns = (-(-g * own // all_) for g, own, all_ in zip(grid, size, padded, strict=True))
    return rows, columns
