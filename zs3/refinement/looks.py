"""
How CLIP's image tower is asked about proposals: once a proposal, or once an image.

Both give one embedding a proposal; what CLIP was not asked about gets zeros. Towers are used, not
owned: these are no modules.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional as F

from ..backbone import ClipVisual
from .crops import Crops


@dataclass(frozen=True)
class CropLook:
    """
    Shows CLIP every proposal on its own, as published.

    Costs one pass of the image tower a proposal (17.6 GMACs for ViT-B/16: 1.8 TMACs an image of 100
    proposals), and the memory of `batch` crops at a time; the style "cropmask" needs `batch` copies
    of the canvas beside them.

    Args:
        visual: CLIP's image tower, (M, 3, S, S) -> (M, D).
        dim: D.
        crops: makes its inputs.
        batch: crops a pass.
    """

    visual: nn.Module
    dim: int
    crops: Crops
    batch: int = 64

    def __call__(self, images: Tensor, masks: Tensor, looked: Tensor) -> Tensor:
        """
        Args:
            images: (B, 3, H, W), CLIP-normalised, zero-padded.
            masks: (B, N, H, W) logits.
            looked: (B, N) bool, the proposals to ask about.

        Returns:
            Tensor: (B, N, D), any scale.
        """
        features = images.new_zeros(*looked.shape, self.dim)
        owners, queries = looked.nonzero(as_tuple=True)
        for i in range(0, len(owners), self.batch):
            owner, query = owners[i : i + self.batch], queries[i : i + self.batch]
            crops = self.crops(images, masks[owner, query], owner)
            features[owner, query] = self.visual(crops).to(features)
        return features


@dataclass(frozen=True)
class DenseLook:
    """
    Shows CLIP the image once; a class token for each proposal looks at the patches inside its mask.

    Costs one pass of the image tower an image, of (image_size / patch size)^2 patches if it is
    square. A proposal without pixels has its most likely one.

    Args:
        visual: CLIP's image tower.
        image_size: the canvas is resized so that its shorter side has this many pixels, up to whole
            patches.
    """

    visual: ClipVisual
    image_size: int

    def __call__(self, images: Tensor, masks: Tensor, looked: Tensor) -> Tensor:
        """As CropLook's."""
        patch = self.visual.visual.patch_size[0]
        scale = self.image_size / min(images.shape[-2:]) / patch
        size = [max(round(side * scale), 1) * patch for side in images.shape[-2:]]
        images = F.interpolate(images, size, mode="bilinear", align_corners=False, antialias=True)
        inside = masks >= masks.amax((-2, -1), keepdim=True).clamp(max=0)
        return self.visual.pooled(images, inside) * looked[..., None]
