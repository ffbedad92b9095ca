"""Eigenvectors of images, whatever their graph is made of: the source of the spectral prior."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from ..runtime.config import CfgNode
from .clip import ClipPatches
from .dino import MODELS, DinoKeys
from .graph import SpectralGraph
from .masks import enlarged
from .store import VectorCache

_COLOUR_STRIDE = 8  # where there is no grid of features
COLOUR, BACKBONE, CLIP = "colour", "backbone", "clip"
ENLARGEMENTS = ("nearest", "bilinear")


class EigenSegmenter(nn.Module):
    """
    Image -> the eigenvectors of its graph, without the constant one.

    Args:
        graph: how features and colours become a graph; its `count` includes the constant vector.
        features: images (1, 3, H, W), 0..255 -> (1, C, h, w); None if features are given with the
            image, or colours are all there is.
        stride: pixels a cell of the graph; 0 for the grid of the features.
        cache: remembers eigenvectors of images without given features.
        enlargement: of masks to the size of an image, "nearest" or "bilinear".

    Raises:
        ValueError: another enlargement.
    """

    def __init__(
        self,
        *,
        graph: SpectralGraph,
        features: nn.Module | None = None,
        stride: int = 8,
        cache: VectorCache | None = None,
        enlargement: str = "nearest",
    ) -> None:
        super().__init__()
        if enlargement not in ENLARGEMENTS:
            raise ValueError(
                f"MODEL.SPECTRAL.ENLARGEMENT is {enlargement!r}; expected "
                f"{' or '.join(ENLARGEMENTS)}."
            )
        self.enlargement = enlargement
        self.graph = graph
        self.features = features
        self.stride = stride
        self.cache = cache

    @torch.no_grad()
    def forward(self, image: Tensor, given: Tensor | None = None) -> Tensor:
        """
        Args:
            image: (3, H, W), 0..255.
            given: features (C, h, w) of it, where this has none of its own.

        Returns:
            Tensor: (K, h, w); the positive side is the smaller one.
        """
        pixels = image.permute(1, 2, 0).clamp(0, 255).round().byte().contiguous().cpu().numpy()

        def make() -> Tensor:
            maps = None if given is None else given[None]
            if self.features is not None:
                maps = self.features(image[None].float())
            grid = self.grid((image.shape[1], image.shape[2]), maps)
            _, vectors = self.graph.eigenvectors(maps, [pixels], grid)
            return vectors[0, 1:].unflatten(1, grid)

        remembers = self.cache is not None and given is None
        vectors = self.cache(pixels, make) if self.cache and remembers else make()
        return vectors.to(image.device)

    def masks(self, image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """
        Binary masks of an image as evaluations ask for them.

        Args:
            image: (h, w, 3), 0..255.
            size: (H, W).

        Returns:
            np.ndarray: (K, H, W) bool.

        Raises:
            ValueError: the graph needs features of the model.
        """
        if self.features is None and not self.graph.colour_weight:
            raise ValueError(
                "masks of an image alone cannot be made of the model's backbone; set "
                "MODEL.SPECTRAL.FEATURES, or name a folder in TEST.ORACLE_MASKS."
            )
        device = next((p.device for p in self.parameters()), torch.device("cpu"))
        pixels = torch.tensor(image).permute(2, 0, 1)
        vectors = self(pixels.to(device)).cpu()
        shares = self.covered((image.shape[0], image.shape[1]))
        part = (round(size[0] * shares[0]), round(size[1] * shares[1]))
        return enlarged(vectors, part, size, self.enlargement).numpy()

    def covered(self, size: tuple[int, int]) -> tuple[float, float]:
        """Shares of the height and width of an image (H, W) that the cells cover."""
        if not isinstance(self.features, DinoKeys):
            return 1.0, 1.0
        height, width = self.features.covered(size)
        return height / size[0], width / size[1]

    def grid(self, size: tuple[int, int], maps: Tensor | None = None) -> tuple[int, int]:
        """(h, w) of the graph of an image (H, W)."""
        if not self.stride and maps is not None:
            return maps.shape[2], maps.shape[3]
        stride = self.stride or _COLOUR_STRIDE
        if isinstance(self.features, DinoKeys):
            size = self.features.covered(size)
        return max(size[0] // stride, 1), max(size[1] // stride, 1)


def build_segmenter(cfg: CfgNode) -> EigenSegmenter:
    """
    What MODEL.SPECTRAL describes.

    Raises:
        ValueError, OSError: unknown features or enlargement, or weights that cannot be had.
    """
    c = cfg.MODEL.SPECTRAL
    if c.FEATURES not in (COLOUR, BACKBONE, CLIP, *MODELS):
        raise ValueError(
            f"MODEL.SPECTRAL.FEATURES is {c.FEATURES!r}; expected one of {COLOUR}, {BACKBONE}, "
            f"{CLIP}, {', '.join(MODELS)}."
        )
    if c.FEATURES == COLOUR and not c.COLOUR_WEIGHT:
        raise ValueError("MODEL.SPECTRAL.FEATURES is colour, but COLOUR_WEIGHT is 0; give it one.")
    features: nn.Module | None = None
    if c.FEATURES == CLIP:
        features = ClipPatches.of_name(cfg.MODEL.CLIP.NAME, cfg.MODEL.CLIP.PRETRAINED)
    elif c.FEATURES in MODELS:
        features = DinoKeys.of_file(c.FEATURES, c.WEIGHTS)
    graph = SpectralGraph(
        count=c.COUNT + 1, colour_weight=c.COLOUR_WEIGHT, colour=c.COLOUR_AFFINITY
    )
    cache = None
    if c.CACHE:
        clip = (cfg.MODEL.CLIP.NAME, cfg.MODEL.CLIP.PRETRAINED)
        source = {COLOUR: (), CLIP: clip}.get(c.FEATURES, (c.WEIGHTS,))
        cache = VectorCache(c.CACHE, f"{c.FEATURES} {source} {c.STRIDE} {graph}")
    return EigenSegmenter(
        graph=graph,
        features=features,
        stride=c.STRIDE,
        cache=cache,
        enlargement=c.ENLARGEMENT,
    )
