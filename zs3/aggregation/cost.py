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
from .slices import Slices, slices

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
        appearance: guidance of the layers (B, h, w, G), or None.
        guidance: of each decoder block, (B, G_i, h_i, w_i) or None.
    """

    regions: Regions
    text: Tensor
    text_guidance: Tensor | None
    appearance: Tensor | None
    guidance: list[Tensor | None]


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
        text = text if text.dim() == 4 else text[None]
        names = self._named(text)  # once, if all images share them
        text = text.expand(images, -1, -1, -1)
        names = None if names is None else names.expand(images, -1, -1)
        num_classes = text.shape[1]
        best = self._best(regions, text, naming)
        if best is not None:
            kept = torch.arange(images, device=best.device)[:, None], best
            text, names = text[kept], None if names is None else names[kept]
        batch = _Batch(
            regions,
            text,
            names,
            self._appearance(features, regions.grid),
            self._guidance(features, regions.grid),
        )
        logits = Slices(*text.shape[:2])
        for some in self._parts(text):
            self._refine_images(batch, some, naming, logits)
        maps = logits.joined()
        if best is not None:
            every = maps.new_full((images, num_classes, *maps.shape[2:]), _DROPPED)
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
                for part in slices(num_classes, self.chunk)
            ]
        return torch.cat(peaks, dim=1).topk(self.keep, sorted=False).indices

    def _named(self, text: Tensor) -> Tensor | None:
        """(B, K, P, D) -> (B, K, G)"""
        if self.text_guidance is None:
            return None
        means = [
            F.normalize(text[:, part], dim=-1).mean(2) for part in slices(text.shape[1], self.chunk)
        ]
        return self.text_guidance(F.normalize(torch.cat(means, dim=1), dim=-1))

    def _appearance(self, features: dict[str, Tensor], grid: tuple[int, int]) -> Tensor | None:
        """(B, h, w, G)"""
        if self.appearance is None:
            return None
        return self.appearance(features, grid).permute(0, 2, 3, 1)

    def _guidance(self, features: dict[str, Tensor], grid: tuple[int, int]) -> list[Tensor | None]:
        """(B, G_i, h_i, w_i) for each decoder block."""
        height, width = grid
        guidance = [
            own(features, (height * 2**i, width * 2**i))
            for i, own in enumerate(self.decoder_guidance, start=1)
        ]
        return guidance or [None] * len(self.decoder.blocks)

    def _parts(self, text: Tensor) -> list[slice]:
        """The images at a time: all of them, or one if even that takes several slices."""
        images, num_classes = text.shape[:2]
        return slices(images, images if images * num_classes <= self.chunk else 1)

    def _refine_images(self, batch: _Batch, images: slice, naming: Naming, logits: Slices) -> None:
        """Sets the logits (b, K, h', w') of some of the images."""
        regions = batch.regions.of_images(images)
        num_images, num_classes = len(regions.embeddings), batch.text.shape[1]
        rows, parts = slice(0, num_images), slices(num_classes, self.chunk)

        def embed(text: Tensor) -> Tensor:
            scores = _with_templates(naming(regions, text)).permute(0, 2, 3, 1)  # (b, k, P, N)
            maps = self.embedding(scores.unflatten(3, regions.grid).flatten(0, 1))
            return maps.permute(0, 2, 3, 1).unflatten(0, scores.shape[:2])

        def named(part: slice) -> Tensor | None:
            return None if batch.text_guidance is None else batch.text_guidance[images, part]

        def guided(part: slice, maps: Tensor | None) -> Tensor | None:
            return None if maps is None else self._spread(maps, images, part, num_classes)

        x = Slices(num_images, num_classes)
        for part in parts:
            x[rows, part] = self._run(embed, batch.text[images, part])
        for layer in cast(Iterable[AggregationLayer], self.layers):
            context = layer.classes.padding(num_classes)
            for part in parts:
                maps = self._run(layer.spatial, x[rows, part], guided(part, batch.appearance))
                own = self._run(layer.classes.context, maps, named(part))
                context = own if context is None else layer.classes.join(context, own)
                x[rows, part] = maps
            for part in parts:
                x[rows, part] = self._run(layer.classes, x[rows, part], named(part), context)
        for part in parts:
            guidance = [guided(part, maps) for maps in batch.guidance]
            logits[images, part] = self._run(self.decoder, x[rows, part], guidance)

    def _spread(self, maps: Tensor, images: slice, classes: slice, num_classes: int) -> Tensor:
        """(B, ...) -> (b, 1, ...), or (b, k, ...) if images are mixed."""
        if not self.mix_images:
            return maps[images, None]
        first = torch.arange(len(maps), device=maps.device)[images, None] * num_classes
        row = first + torch.arange(num_classes, device=maps.device)[classes]
        return maps[row % len(maps)]

    def _run(self, step: Callable[..., Any], *inputs: Any) -> Any:  # Any: of every step
        if self.training and self.recompute:
            return checkpoint(step, *inputs, use_reentrant=False)
        return step(*inputs)


def _with_templates(scores: Tensor) -> Tensor:
    """(B, N, K) or (B, N, K, P) -> (B, N, K, P)"""
    return scores if scores.dim() == 4 else scores[..., None]
