"""Readout of methods that name regions: a pixel's score is the sum of score times mask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..grouping import ResidualProposal
from ..refinement import SeenBias, SpectralPrior, build_refiners
from ..registry import READOUT_REGISTRY
from ..resize import resize
from ..runtime.config import CfgNode, configurable
from ..scene import Scene
from ..text import TextBank
from .base import Prepared, Readout
from .maps import ClassMaps, Size


@READOUT_REGISTRY.register()
class RegionReadout(Readout):
    """
    MaskFormer's inference (arXiv 2107.06278, section 3.4) with ZegFormer's order of steps.

    Mask logits are resized to the padded input; regions are refined there, on logits with void;
    what is still logits becomes a softmax without void; sum_n score_n(k) sigmoid(mask_n) is formed,
    cropped to the image and resized.

    Args:
        refiners: region refiners, applied in order: (scores, scene) -> scores, on logits with void
            (B, N, K+1) or, once one of them has returned that, on scores (B, N, K). They find the
            resized masks in `scene.regions`. A SpectralPrior refines the masks before.
        bias: applied to the finished maps; 0 if left out.
        residual: adds a proposal for what no other claims, before refinement.
        paint_at_output: crop and resize the mask logits and form the sum at the output size,
            instead of resizing the sum.
    """

    @configurable
    def __init__(
        self,
        *,
        refiners: Sequence[nn.Module] = (),
        bias: SeenBias | None = None,
        residual: nn.Module | None = None,
        paint_at_output: bool = False,
    ) -> None:
        super().__init__()
        self.priors = nn.ModuleList(one for one in refiners if isinstance(one, SpectralPrior))
        self.refiners = nn.ModuleList(one for one in refiners if not isinstance(one, SpectralPrior))
        self.bias = bias or SeenBias(gamma=0.0)
        self.residual = residual
        self.paint_at_output = paint_at_output

    @classmethod
    def from_config(cls, cfg: CfgNode, text: TextBank) -> dict[str, Any]:
        refiners, bias = build_refiners(cfg, text)
        return {
            "refiners": refiners,
            "bias": bias,
            "residual": ResidualProposal(cfg) if cfg.MODEL.RESIDUAL_PROPOSAL.ENABLED else None,
            "paint_at_output": cfg.MODEL.READOUT.PAINT_AT_OUTPUT,
        }

    def prepare(self, scene: Scene, logits: list[Tensor]) -> Prepared:
        """
        Resizes the masks, adds the residual proposal and refines.

        Raises:
            ValueError: regions without masks, or logits without void.
        """
        scores, masks = logits[-1], scene.regions.masks
        with_void = scene.is_seen.shape[1] + 1
        if masks is None:
            raise ValueError(
                "RegionReadout paints masks, but these regions are pixels and have none; "
                "use MODEL.READOUT.NAME PixelReadout."
            )
        if scores.shape[-1] != with_void:
            raise ValueError(
                f"RegionReadout needs logits of {with_void - 1} classes and void, {with_void} "
                f"columns, but got {scores.shape[-1]}; set MODEL.NAMING.WITH_VOID True."
            )
        for prior in self.priors:
            masks = prior(masks, scene, competing=False)
        masks, embeddings = resize(masks, scene.images.padded_size), scene.regions.embeddings
        if self.residual is not None:
            masks, scores = self.residual(masks, scores, scene.images.sizes)
            embeddings = F.pad(embeddings, (0, 0, 0, 1))  # no query stands behind it
        grid = scene.images.padded_size
        regions = replace(scene.regions, embeddings=embeddings, masks=masks, grid=grid)
        scene = replace(scene, regions=regions)
        for refiner in self.refiners:
            scores = refiner(scores, scene)
        if scores.shape[-1] == with_void:
            scores = scores.softmax(-1)[..., :-1]
        return Prepared(scene, scores)

    def maps(self, prepared: Prepared, image: int, size: Size) -> ClassMaps:
        height, width = prepared.scene.images.sizes[image]
        masks = prepared.scene.regions.masks
        assert masks is not None  # `prepare` has refused regions without
        masks = masks[image, :, :height, :width]
        if self.paint_at_output:
            masks = resize(masks[None], size)[0]
        masks = masks.sigmoid()

        def maps(classes: slice) -> Tensor:
            painted = torch.einsum("nk,nhw->khw", prepared.scores[image][:, classes], masks)
            return self.bias(resize(painted[None], size)[0], prepared.scene, image, classes)

        return maps
