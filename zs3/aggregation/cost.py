"""
Cost aggregation (CAT-Seg, arXiv 2303.11797): the similarities of all cells and classes, refined.

Similarities of one class are a map; each map is embedded, maps look at each other in turns cell by
cell (`SpatialAggregation`) and class by class (`ClassAggregation`), and a decoder brings each to a
finer grid. B images, K classes, N = h w cells, P templates, C the aggregation's width.

Classes come in slices. Only the class aggregation sees more than one of them at a time, and what it
needs of the others is a sum (`ClassAttention`), so the slices change memory and not the result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from ..regions import Regions
from ..registry import AGGREGATION_REGISTRY
from ..runtime.config import CfgNode, configurable
from ..runtime.layers import ShapeSpec
from .build import Naming
from .decoder import UpsamplingDecoder
from .guidance import GuidanceMap, guidance_maps
from .layer import AggregationLayer

# The logit of classes that were not among those looked at: a probability of 0.
_DROPPED = -100.0


@dataclass(frozen=True)
class _Batch:
    """
    What aggregation looks at.

    Attributes:
        regions: cells of B images.
        text: (B, K, P, D).
        text_guidance: (B, K, G), or None.
        guidance: maps (B, G_i, h_i, w_i), or None, for the layers and for each decoder block.
    """

    regions: Regions
    text: Tensor
    text_guidance: Tensor | None
    guidance: tuple[Tensor | None, ...]


@AGGREGATION_REGISTRY.register()
class CostAggregation(nn.Module):
    """
    Args:
        templates: P, scores a naming gives each class.
        dim: C.
        layers: spatial and class aggregation.
        decoder: maps of C channels -> logits on a finer grid.
        appearance: guidance of the layers; None without.
        decoder_guidance: that of the decoder's blocks; empty without.
        text_guidance: text (B, K, D), unit rows -> (B, K, G); None without.
        keep: look only at this many classes of an image, those of the highest similarity anywhere
            (CAT-Seg v2: 256); 0 looks at all.
        chunk: classes at a time, if those of all images are more.
        recompute: in training, compute activations again in the backward pass instead of keeping
            them.
        mix_images: guide the maps of a batch, image by image and in it class by class, by the
            images 0, 1, ..., 0, 1, ... in turns. A slip of the mmsegmentation port, harmless for
            single images.
    """

    @configurable
    def __init__(
        self,
        *,
        templates: int,
        dim: int,
        layers: Sequence[AggregationLayer],
        decoder: UpsamplingDecoder,
        appearance: GuidanceMap | None = None,
        decoder_guidance: Sequence[GuidanceMap] = (),
        text_guidance: nn.Module | None = None,
        keep: int = 0,
        chunk: int = 32,
        recompute: bool = False,
        mix_images: bool = False,
    ) -> None:
        super().__init__()
        if chunk < 1:
            raise ValueError(
                f"aggregation takes {chunk} classes at a time; expected 1 or more "
                "(MODEL.AGGREGATION.CLASS_CHUNK)."
            )
        self.embedding = nn.Conv2d(templates, dim, 7, padding=3)
        self.layers = nn.ModuleList(layers)
        self.decoder = decoder
        self.appearance = appearance
        self.decoder_guidance = nn.ModuleList(decoder_guidance)
        self.text_guidance = text_guidance
        self.keep = keep
        self.chunk = chunk
        self.recompute = recompute
        self.mix_images = mix_images

    @classmethod
    def from_config(
        cls, cfg: CfgNode, input_shape: Mapping[str, ShapeSpec], text_dim: int
    ) -> dict[str, Any]:
        options = cfg.MODEL.AGGREGATION
        appearance, decoder_guidance = guidance_maps(cfg, input_shape)
        text_guidance = nn.Sequential(nn.Linear(text_dim, options.TEXT_DIM), nn.ReLU())
        return {
            "templates": options.TEMPLATES,
            "dim": options.DIM,
            "layers": [AggregationLayer(cfg) for _ in range(options.LAYERS)],
            "decoder": UpsamplingDecoder(cfg),
            "appearance": appearance,
            "decoder_guidance": decoder_guidance,
            "text_guidance": text_guidance if options.TEXT_DIM else None,
            "keep": options.KEEP,
            "chunk": options.CLASS_CHUNK,
            "recompute": options.RECOMPUTE,
            "mix_images": options.MIX_IMAGES,
        }

    def forward(
        self, features: dict[str, Tensor], regions: Sequence[Regions], text: Tensor, naming: Naming
    ) -> tuple[list[Regions], list[Tensor]]:
        """
        As `Aggregation`. The naming gives (B, N, K), or (B, N, K, P), and no void.

        Raises:
            ValueError: regions that are no pixels, or another number of templates.
        """
        refined = [self._refine(features, group, text, naming) for group in regions]
        return [group for group, _ in refined], [logits for _, logits in refined]

    def _refine(
        self, features: dict[str, Tensor], regions: Regions, text: Tensor, naming: Naming
    ) -> tuple[Regions, Tensor]:
        if regions.masks is not None:
            raise ValueError(
                "CostAggregation refines the scores of pixels, but these regions are masks; "
                "set MODEL.GROUPING.NAME PixelGrid."
            )
        images = len(regions.embeddings)
        text = text if text.dim() == 4 else text.expand(images, -1, -1, -1)
        best = self._best(regions, text, naming)
        asked = text if best is None else text[torch.arange(images)[:, None], best]
        batch = _Batch(regions, asked, self._named(asked), self._guided(features, regions.grid))
        maps = torch.cat([self._maps(batch, part, naming) for part in self._parts(asked)])
        if best is not None:
            every = maps.new_full((images, text.shape[1], *maps.shape[2:]), _DROPPED)
            maps = every.scatter(1, best[..., None, None].expand_as(maps), maps)
        grid = (maps.shape[2], maps.shape[3])
        # The finer cells have scores, but no embeddings.
        finer = Regions(maps.new_zeros(images, grid[0] * grid[1], 0), grid=grid)
        return finer, maps.flatten(2).transpose(1, 2)

    def _best(self, regions: Regions, text: Tensor, naming: Naming) -> Tensor | None:
        """(B, keep), the classes to look at; None for all."""
        num_classes = text.shape[1]
        if not 0 < self.keep < num_classes:
            return None
        with torch.no_grad():
            peaks = [
                _with_templates(naming(regions, text[:, part])).amax((1, 3))
                for part in _slices(num_classes, self.chunk)
            ]
        return torch.cat(peaks, dim=1).topk(self.keep, sorted=False).indices

    def _named(self, text: Tensor) -> Tensor | None:
        """(B, K, P, D) -> (B, K, G)"""
        if self.text_guidance is None:
            return None
        return self.text_guidance(F.normalize(F.normalize(text, dim=-1).mean(2), dim=-1))

    def _guided(
        self, features: dict[str, Tensor], grid: tuple[int, int]
    ) -> tuple[Tensor | None, ...]:
        height, width = grid
        appearance = self.appearance(features, grid) if self.appearance is not None else None
        guidance: list[Tensor | None] = [
            own(features, (height * 2**i, width * 2**i))
            for i, own in enumerate(self.decoder_guidance, start=1)
        ]
        return appearance, *(guidance or [None] * len(self.decoder.blocks))

    def _parts(self, text: Tensor) -> list[slice]:
        """The images at a time: all of them, or one if even that takes several slices."""
        images, num_classes = text.shape[:2]
        return _slices(images, images if images * num_classes <= self.chunk else 1)

    def _maps(self, batch: _Batch, images: slice, naming: Naming) -> Tensor:
        """Logits (b, K, h', w') of some of the images."""
        num_classes = batch.text.shape[1]
        parts = _slices(num_classes, self.chunk)
        regions = batch.regions.of_images(images)
        names = [
            None if batch.text_guidance is None else batch.text_guidance[images, part]
            for part in parts
        ]
        appearance, *finer = (
            [self._spread(maps, images, part, num_classes) for part in parts]
            for maps in batch.guidance
        )

        def embed(text: Tensor) -> Tensor:
            scores = _with_templates(naming(regions, text)).permute(0, 2, 3, 1)  # (b, k, P, N)
            maps = self.embedding(scores.unflatten(3, regions.grid).flatten(0, 1))
            return maps.permute(0, 2, 3, 1).unflatten(0, scores.shape[:2])

        x = [self._run(embed, batch.text[images, part]) for part in parts]
        appearance = [None if own is None else own.permute(0, 1, 3, 4, 2) for own in appearance]
        for layer in cast(Iterable[AggregationLayer], self.layers):
            for i, _ in enumerate(parts):
                x[i] = self._run(layer.spatial, x[i], appearance[i])
            context = layer.classes.padding(num_classes)
            for i, _ in enumerate(parts):
                own = self._run(layer.classes.context, x[i], names[i])
                context = own if context is None else layer.classes.join(context, own)
            for i, _ in enumerate(parts):
                x[i] = self._run(layer.classes, x[i], names[i], context)
        maps = []
        for i, _ in enumerate(parts):
            maps.append(self._run(self.decoder, x[i], [guidance[i] for guidance in finer]))
            x[i] = maps[i].new_empty(0)
        return torch.cat(maps, dim=1)

    def _spread(
        self, maps: Tensor | None, images: slice, classes: slice, num_classes: int
    ) -> Tensor | None:
        """(B, G, h, w) -> (b, 1, G, h, w), or (b, k, G, h, w) if images are mixed."""
        if maps is None:
            return None
        if not self.mix_images:
            return maps[images, None]
        first = torch.arange(len(maps), device=maps.device)[images, None] * num_classes
        row = first + torch.arange(num_classes, device=maps.device)[classes]
        return maps[row % len(maps)]

    def _run(self, step: Callable[..., Any], *inputs: Any) -> Any:  # Any: of every step
        if self.training and self.recompute:
            return checkpoint(step, *inputs, use_reentrant=False)
        return step(*inputs)


def _slices(count: int, size: int) -> list[slice]:
    return [slice(start, start + size) for start in range(0, count, size)]


def _with_templates(scores: Tensor) -> Tensor:
    """(B, N, K) or (B, N, K, P) -> (B, N, K, P)"""
    return scores if scores.dim() == 4 else scores[..., None]
