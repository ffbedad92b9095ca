"""Golden checks of Mask2Former's criterion, and of a whole Mask2Former."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from golden import Case, check_all
from kinds_criteria import losses_and_matchings, set_criterion
from kinds_readout import batched_inputs, image_numbers, resnet
from kinds_training import published_losses
from torch import Tensor

from zs3.checkpoints.zegformer import convert
from zs3.criterion import HungarianMatcher, Matching, SampledPoints, Segments, SetCriterion
from zs3.criterion.matcher import LayerOutput
from zs3.grouping import MaskedDecoder, MaskProposals, MSDeformAttnPixelDecoder
from zs3.grouping.attention import BlockSpec
from zs3.naming import Linear
from zs3.readout import RegionReadout
from zs3.segmentor import ZeroShotSegmentor
from zs3.vocabulary import Vocabulary

ENCODED = ("res3", "res4", "res5")


def m2f_criterion(case: Case) -> None:
    hyper = case.meta["hyper"]
    points = SampledPoints(
        num_points=hyper["num_points"],
        oversample_ratio=hyper["oversample_ratio"],
        importance_sample_ratio=hyper["importance_sample_ratio"],
        draw=Replay(case, case.meta["layers"]),
    )
    criterion = set_criterion(case, ReplayingMatcher, comparison=points, mask_loss="bce")
    check_all(case, losses_and_matchings(case, criterion))


def m2f_full(case: Case) -> None:
    hyper = case.meta["hyper"]
    model = mask2former(case.prefixed_state, hyper)
    model.vocabulary = Vocabulary.of([f"class {i}" for i in range(hyper["num_classes"])])
    with torch.inference_mode():
        outputs = zip(image_numbers(case), model.eval()(batched_inputs(case)), strict=True)
    got = {f"sem_seg{i}": output["sem_seg"] for i, output in outputs}

    points = SampledPoints(
        num_points=hyper["num_points"],
        draw=Replay(case, hyper["decoder_layers"] + 1),
    )
    matcher = ReplayingMatcher(
        class_cost=hyper["class_weight"],
        mask_cost=hyper["mask_weight"],
        dice_cost=hyper["dice_weight"],
        mask_loss="bce",
        comparison=points,
    )
    model.criterion = SetCriterion(
        matcher=matcher,
        class_weight=hyper["class_weight"],
        mask_weight=hyper["mask_weight"],
        dice_weight=hyper["dice_weight"],
        mask_loss="bce",
        void_weight=hyper["no_object_weight"],
        comparison=points,
    )
    losses = published_losses(case, model.train(), model.vocabulary)
    check_all(case, got | {f"loss/{name}": loss for name, loss in losses.items()})


def mask2former(state: dict[str, Tensor], hyper: dict[str, Any]) -> ZeroShotSegmentor:
    """A whole published model, whose state is under its names in a checkpoint."""
    backbone = resnet(hyper)
    channels = {name: shape.channels for name, shape in backbone.output_shape().items()}
    heads, ffn = hyper["nheads"], hyper["dim_feedforward"]
    grouping = MaskProposals(
        pixel_decoder=MSDeformAttnPixelDecoder(
            enc_channels={name: channels.pop(name) for name in ENCODED},
            fine_channels=channels,
            mask_dim=hyper["mask_dim"],
            enc_layers=hyper["enc_layers"],
            spec=BlockSpec(hyper["conv_dim"], heads, hyper["enc_ffn"]),
        ),
        decoder=MaskedDecoder(
            in_channels=hyper["conv_dim"],
            mask_dim=hyper["mask_dim"],
            num_queries=hyper["num_queries"],
            dec_layers=hyper["decoder_layers"],
            spec=BlockSpec(hyper["hidden_dim"], heads, ffn),
        ),
    )
    classes = hyper["num_classes"]
    model = ZeroShotSegmentor(
        backbone=backbone,
        grouping=grouping,
        naming=Linear(in_dim=hyper["hidden_dim"], num_classes=classes),
        text=lambda vocabularies: torch.empty(classes, 1, 0),
        readout=RegionReadout(),
    )
    model.load_state_dict(convert(state))
    return model


class Replay:
    """
    A `draw` that gives what the original drew: for its final layer first, for the matching an image
    at a time, and for the losses in the order of the matched queries, where ours is that of the
    segments.
    """

    def __init__(self, case: Case, layers: int) -> None:
        names = sorted((name for name in case.inputs if name.startswith("rand")), key=_number)
        rows = [case.inputs[name] for name in names]
        size = len(rows) // layers
        final, *others = (rows[i : i + size] for i in range(0, len(rows), size))
        self.layers = [*others, final]
        self.left: Iterator[Tensor] = iter(())

    def before_matching(self) -> None:
        self.left = iter([torch.cat(own[:-2]) for own in self.layers])

    def before_losses(self, matchings: Sequence[Matching]) -> None:
        drawn = []
        for own, matching in zip(self.layers, matchings, strict=True):
            order = np.lexsort((matching.query.numpy(), matching.image.numpy()))
            drawn += [rows[np.argsort(order)] for rows in own[-2:]]
        self.left = iter(drawn)

    def __call__(self, *shape: int, device: torch.device) -> Tensor:
        rows = next(self.left)
        assert rows.shape == shape
        return rows.to(device)


class ReplayingMatcher(HungarianMatcher):
    """Tells the draws what is matched."""

    def __call__(self, outputs: Sequence[LayerOutput], segments: Segments) -> list[Matching]:
        draw = self.comparison.draw
        draw.before_matching()
        matchings = super().__call__(outputs, segments)
        draw.before_losses(matchings)
        return matchings


def _number(name: str) -> int:
    return int(name.removeprefix("rand"))


KINDS: dict[str, Callable[[Case], None]] = {"m2f_criterion": m2f_criterion, "m2f_full": m2f_full}
