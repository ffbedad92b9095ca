"""Readout of methods that name pixels: the logits of the grid's cells, resized and activated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from ..refinement import SeenBias, build_refiners
from ..regions import highest
from ..registry import READOUT_REGISTRY
from ..resize import resize
from ..runtime.config import CfgNode, configurable
from ..scene import Scene
from ..text import TextBank
from .base import Prepared, Readout
from .enlargement import ENLARGEMENTS
from .maps import ClassMaps, ScoreMaps, Size

ACTIVATIONS = ("softmax", "sigmoid", "none")
SIZES = ("grid", "input", "output")
MERGES = ("last", "max")


@READOUT_REGISTRY.register()
class PixelReadout(Readout):
    """
    Grid -> padded input size -> crop to the image -> output size; activated on the way or after.
    Other ways from the grid to pixels: `enlargement`.

    Args:
        refiners: map refiners, applied to the logits on the grid in order: (logits (B, K, h, w),
            scene) -> logits.
        bias: applied to the finished maps; 0 if left out.
        activation: "softmax" over classes, "sigmoid" (classes do not compete), or "none": logits
            are the scores, and what averages several looks averages logits.
        activate_at: "input" activates at the input size and resizes scores (SPNet-FPN, ZegCLIP);
            "output" resizes logits and activates last, which keeps edges sharp when the output is
            larger than the input. Where both sizes are the same, as in SPNet's own protocol, they
            do not differ. "grid" activates on the grid and resizes that straight to the output, as
            CAT-Seg does with whole images; the padding is not removed, which makes an image that
            had to be padded a little smaller, and of a grid finer than its image only the first
            rows and columns stay.
        enlargement: how maps on the grid become larger, see `ENLARGEMENTS`.
        class_chunk: classes whose full-size maps are held at a time while softmax's denominator is
            summed up.
        merge: of several groupings read the "last"; or their highest logits ("max"), resized to the
            grid of the last (SPNet's three scales).

    Raises:
        ValueError: an unknown activation, place, enlargement or merge.
    """

    @configurable
    def __init__(
        self,
        *,
        refiners: Sequence[nn.Module] = (),
        bias: SeenBias | None = None,
        activation: str = "softmax",
        activate_at: str = "output",
        enlargement: str = "by_input",
        class_chunk: int = 64,
        merge: str = "last",
    ) -> None:
        super().__init__()
        if activation not in ACTIVATIONS:
            raise ValueError(
                f"no activation is called {activation!r}; there are {', '.join(ACTIVATIONS)}."
            )
        if activate_at not in SIZES:
            raise ValueError(
                f"scores are activated at {', '.join(SIZES)} size, not at {activate_at!r}."
            )
        if enlargement not in ENLARGEMENTS:
            raise ValueError(
                f"no enlargement is called {enlargement!r}; there are {', '.join(ENLARGEMENTS)}."
            )
        if merge not in MERGES:
            raise ValueError(f"groupings are merged by {' or '.join(MERGES)}, not by {merge!r}.")
        self.refiners = nn.ModuleList(refiners)
        self.bias = bias or SeenBias(gamma=0.0)
        self.activation = activation
        self.activate_at = activate_at
        self.enlarge = ENLARGEMENTS[enlargement]
        self.class_chunk = class_chunk
        self.merge = merge

    @classmethod
    def from_config(cls, cfg: CfgNode, text: TextBank) -> dict[str, Any]:
        refiners, bias = build_refiners(cfg, text)
        return {
            "refiners": refiners,
            "bias": bias,
            "activation": cfg.MODEL.READOUT.ACTIVATION,
            "activate_at": cfg.MODEL.READOUT.ACTIVATE_AT,
            "enlargement": cfg.MODEL.READOUT.ENLARGEMENT,
            "class_chunk": cfg.TEST.CLASS_CHUNK,
            "merge": cfg.MODEL.READOUT.MERGE,
        }

    def prepare(self, scene: Scene, logits: list[Tensor]) -> Prepared:
        """
        Spreads the logits over the grid and refines them there.

        Raises:
            ValueError: logits with another number of columns than classes.
        """
        scores, num_classes = logits[-1], scene.is_seen.shape[1]
        if scores.shape[-1] != num_classes:
            raise ValueError(
                f"PixelReadout needs one logit for each of {num_classes} classes, but got "
                f"{scores.shape[-1]}; a pixel is never void: set MODEL.NAMING.WITH_VOID False."
            )
        if self.merge == "max":
            maps = highest([*scene.earlier, scene.regions], logits)
        else:
            maps = scene.regions.paint(scores)
        for refiner in self.refiners:
            maps = refiner(maps, scene)
        return Prepared(scene, maps)

    def maps(self, prepared: Prepared, image: int, size: Size) -> ClassMaps:
        activate_at = prepared.scene.images.sizes[image] if self.activate_at == "input" else size
        scores = self._activated(self._logits(prepared, image, activate_at))

        def maps(classes: slice) -> Tensor:
            resized = resize(scores(classes)[None], size)[0]
            return self.bias(resized, prepared.scene, image, classes)

        return maps

    def read(self, prepared: Prepared, image: int, size: Size) -> ScoreMaps:
        scores = super().read(prepared, image, size)
        if self.bias.gamma or self.activate_at != "output":
            return scores
        # Nothing comes after the activation, and activations keep the order.
        return replace(scores, order=self._logits(prepared, image, size).maps)

    def read_grid(self, prepared: Prepared, image: int) -> ScoreMaps:
        images = prepared.scene.images
        if images.sizes[image] != images.padded_size:
            raise ValueError(
                f"the image is {images.sizes[image]}, padded to {images.padded_size}, so that its "
                "features are partly about padding; to compare at their resolution, set "
                "INPUT.SIZE_DIVISIBILITY 0 and TEST.IMS_PER_BATCH 1."
            )
        logits = prepared.scores[image].__getitem__
        scores = self._activated(
            ScoreMaps(logits, prepared.num_classes, prepared.scene.regions.grid)
        )

        def maps(classes: slice) -> Tensor:
            return self.bias(scores(classes), prepared.scene, image, classes)

        return ScoreMaps(maps, prepared.num_classes, prepared.scene.regions.grid)

    def _logits(self, prepared: Prepared, image: int, size: Size) -> ScoreMaps:
        images = prepared.scene.images
        height, width = images.sizes[image]

        def logits(classes: slice) -> Tensor:
            if self.activate_at == "grid":
                return prepared.scores[image, classes, :height, :width]
            cells = prepared.scores[image : image + 1, classes]
            return self.enlarge(cells, images.padded_size, (height, width), size)[0]

        return ScoreMaps(logits, prepared.num_classes, size)

    def _activated(self, logits: ScoreMaps) -> ClassMaps:
        if self.activation == "sigmoid":
            return lambda classes: logits.maps(classes).sigmoid()
        return (logits.softmax(self.class_chunk) if self.activation == "softmax" else logits).maps
