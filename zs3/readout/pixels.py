"""Readout of methods that name pixels: the logits of the grid's cells, resized and activated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ..refinement import SeenBias, build_refiners
from ..registry import READOUT_REGISTRY
from ..runtime.config import CfgNode, configurable
from ..scene import Scene
from ..text import TextBank
from .base import Prepared, Readout
from .enlargement import ENLARGEMENTS
from .maps import ClassMaps, Size, resize

ACTIVATIONS = ("softmax", "sigmoid")
SIZES = ("input", "output")


@READOUT_REGISTRY.register()
class PixelReadout(Readout):
    """
    Grid -> padded input size -> crop to the image -> output size; activated on the way or after.
    Other ways from the grid to pixels: `enlargement`.

    Args:
        refiners: map refiners, applied to the logits on the grid in order: (logits (B, K, h, w),
            scene) -> logits.
        bias: applied to the finished maps; 0 if left out.
        activation: "softmax" over classes, or "sigmoid" (classes do not compete).
        activate_at: "input" activates at the input size and resizes scores (SPNet-FPN, ZegCLIP);
            "output" resizes logits and activates last, which keeps edges sharp when the output is
            larger than the input. Where both sizes are the same, as in SPNet's own protocol, they
            do not differ.
        enlargement: how maps on the grid become larger, see `ENLARGEMENTS`.
        class_chunk: classes whose full-size maps are held at a time while softmax's denominator is
            summed up.

    Raises:
        ValueError: an unknown activation, place or enlargement.
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
    ) -> None:
        super().__init__()
        if activation not in ACTIVATIONS:
            raise ValueError(
                f"no activation is called {activation!r}; there are {', '.join(ACTIVATIONS)}."
            )
        if activate_at not in SIZES:
            raise ValueError(
                f"scores are activated at {' or '.join(SIZES)} size, not at {activate_at!r}."
            )
        if enlargement not in ENLARGEMENTS:
            raise ValueError(
                f"no enlargement is called {enlargement!r}; there are {', '.join(ENLARGEMENTS)}."
            )
        self.refiners = nn.ModuleList(refiners)
        self.bias = bias or SeenBias(gamma=0.0)
        self.activation = activation
        self.activate_at = activate_at
        self.enlarge = ENLARGEMENTS[enlargement]
        self.class_chunk = class_chunk

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
        own = images.sizes[image]
        activate_at = own if self.activate_at == "input" else size

        def logits(classes: slice) -> Tensor:
            maps = prepared.scores[image : image + 1, classes]
            return self.enlarge(maps, images.padded_size, own, activate_at)[0]

        activate = self._activation(logits, prepared.num_classes)

        def maps(classes: slice) -> Tensor:
            scores = activate(logits(classes))
            return self.bias(resize(scores[None], size)[0], prepared.scene, image, classes)

        return maps

    def _activation(self, logits: ClassMaps, num_classes: int) -> Callable[[Tensor], Tensor]:
        if self.activation == "sigmoid":
            return torch.sigmoid
        total = logits(slice(self.class_chunk)).logsumexp(0)
        for start in range(self.class_chunk, num_classes, self.class_chunk):
            part = logits(slice(start, start + self.class_chunk)).logsumexp(0)
            total = torch.logaddexp(total, part)
        return lambda maps: (maps - total).exp()
