"""Readout of methods that name pixels: the logits of the grid's cells, resized and activated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from ..refinement import SeenBias, build_refiners
from ..registry import READOUT_REGISTRY
from ..runtime.config import CfgNode, configurable
from ..scene import Scene
from ..text import TextBank
from .base import Prepared, Readout
from .maps import ClassMaps, ScoreMaps, Size, resize

ACTIVATIONS = ("softmax", "sigmoid", "none")
SIZES = ("grid", "input", "output")


@READOUT_REGISTRY.register()
class PixelReadout(Readout):
    """
    Grid -> padded input size -> crop to the image -> output size; activated on the way or after.

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
        class_chunk: classes whose full-size maps are held at a time while softmax's denominator is
            summed up.

    Raises:
        ValueError: an unknown activation or place.
    """

    @configurable
    def __init__(
        self,
        *,
        refiners: Sequence[nn.Module] = (),
        bias: SeenBias | None = None,
        activation: str = "softmax",
        activate_at: str = "output",
        class_chunk: int = 64,
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
        self.refiners = nn.ModuleList(refiners)
        self.bias = bias or SeenBias(gamma=0.0)
        self.activation = activation
        self.activate_at = activate_at
        self.class_chunk = class_chunk

    @classmethod
    def from_config(cls, cfg: CfgNode, text: TextBank) -> dict[str, Any]:
        refiners, bias = build_refiners(cfg, text)
        return {
            "refiners": refiners,
            "bias": bias,
            "activation": cfg.MODEL.READOUT.ACTIVATION,
            "activate_at": cfg.MODEL.READOUT.ACTIVATE_AT,
            "class_chunk": cfg.TEST.CLASS_CHUNK,
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
        maps = scene.regions.paint(scores)
        for refiner in self.refiners:
            maps = refiner(maps, scene)
        return Prepared(scene, maps)

    def maps(self, prepared: Prepared, image: int, size: Size) -> ClassMaps:
        images = prepared.scene.images
        height, width = images.sizes[image]
        activate_at = (height, width) if self.activate_at == "input" else size

        def logits(classes: slice) -> Tensor:
            if self.activate_at == "grid":
                return prepared.scores[image, classes, :height, :width]
            maps = resize(prepared.scores[image : image + 1, classes], images.padded_size)
            return resize(maps[..., :height, :width], activate_at)[0]

        activated = self._activated(ScoreMaps(logits, prepared.num_classes, activate_at))

        def maps(classes: slice) -> Tensor:
            scores = activated(classes)
            return self.bias(resize(scores[None], size)[0], prepared.scene, image, classes)

        return maps

    def _activated(self, logits: ScoreMaps) -> ClassMaps:
        if self.activation == "sigmoid":
            return lambda classes: logits.maps(classes).sigmoid()
        return (logits.softmax(self.class_chunk) if self.activation == "softmax" else logits).maps
