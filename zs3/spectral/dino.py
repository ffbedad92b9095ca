"""
Features of DINO's ViTs (Caron et al., ICCV 2021, arXiv 2104.14294): keys of the last block, trained
without labels. The default source of the spectral prior.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from ..backbone.vit import ViT, dino_bicubic
from ..checkpoints.safe_load import safe_load, state_dict_of

# (width, heads, patch) of the published models, and where they are (dl.fbaipublicfiles.com/dino).
MODELS = {
    "dino_vits16": (384, 6, 16),
    "dino_vits8": (384, 6, 8),
    "dino_vitb16": (768, 12, 16),
    "dino_vitb8": (768, 12, 8),
}
DEPTH = 12
IMAGE_SIZE = 224
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class DinoKeys(nn.Module):
    """
    Images -> keys of the last block. Never trained.

    Images are cut, not resized, to whole patches from the top left.

    Args:
        vit: DINO's.
    """

    restored_from_source = True
    mean: Tensor
    std: Tensor

    def __init__(self, vit: ViT) -> None:
        super().__init__()
        self.vit = vit.requires_grad_(False)
        self.patch = vit.patch
        for name, numbers in (("mean", MEAN), ("std", STD)):
            self.register_buffer(name, 255 * torch.tensor(numbers).view(3, 1, 1), persistent=False)

    @classmethod
    def of_file(cls, name: str, path: str | Path) -> DinoKeys:
        """
        Args:
            name: of a published model.
            path: its weights, DINO's own or timm's.

        Raises:
            OSError, ValueError: no such model or file, or weights that do not fit.
        """
        if name not in MODELS:
            raise ValueError(f"there is no {name!r}; DINO's models are {', '.join(MODELS)}.")
        dim, heads, patch = MODELS[name]
        model = cls(
            ViT(
                dim=dim,
                heads=heads,
                patch=patch,
                depth=DEPTH,
                image_size=IMAGE_SIZE,
                resize_positions=dino_bicubic,
            )
        )
        try:
            model.load(state_dict_of(safe_load(path)))
        except RuntimeError as error:
            reason = " ".join(str(error).split())
            raise ValueError(f"{path} does not fit {name}: {reason}") from error
        return model

    def load(self, state: dict[str, Tensor]) -> None:
        """Loads published weights; the final norm and a head are not needed."""
        self.vit.load_state_dict(
            {key: value for key, value in state.items() if key.split(".")[0] not in _UNREAD}
        )

    def covered(self, size: tuple[int, int]) -> tuple[int, int]:
        """The part of an image (H, W) that whole patches cover, from the top left."""
        return size[0] // self.patch * self.patch, size[1] // self.patch * self.patch

    def forward(self, image: Tensor) -> Tensor:
        """(B, 3, H, W), 0..255 -> (B, C, h, w), h = H // patch."""
        height, width = self.covered((image.shape[-2], image.shape[-1]))
        keys = self.vit.keys((image[..., :height, :width] - self.mean) / self.std)
        return keys[:, 1:].mT.unflatten(2, (height // self.patch, width // self.patch))


_UNREAD = ("norm", "head", "fc_norm")
