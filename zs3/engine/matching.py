"""
ZS3Net's second stage (Bucher et al., NeurIPS 2019, section 3.2): a classifier is trained anew, from
real features of images without unseen classes and from generated features of the others.

Of images with unseen classes it takes the layout, that is, their labels: inductive it is not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..criterion.grid import at_grid
from ..criterion.moments import ZS3NET_BANDWIDTHS, moment_matching
from ..criterion.resized import MatchingCriterion, resized_loss
from ..generation.graph import region_graph
from ..naming import Linear
from ..registry import STEP_REGISTRY
from ..runtime.config import CfgNode
from ..segmentor import ZeroShotSegmentor
from ..vocabulary import IGNORE
from .optimizer import build_optimizer
from .players import Player, play
from .schedule import Schedule, build_schedule
from .steps import Batch, Stateful


@dataclass(frozen=True)
class _Image:
    """Features and labels of the cells of an image: (N, C) and (N,)."""

    features: Tensor
    labels: Tensor
    has_unseen: bool


@STEP_REGISTRY.register()
class MatchingStep:
    """
    Args:
        model: with a `Linear` naming and a `MatchingCriterion`; only the naming is trained, though
            statistics of norms move.
        players: "classifier", "generator", and "graph" if there is a graph generator.
        text: (K, P, D) of the vocabulary.
        is_unseen: (K,) bool.
        samples: pixels of a class that a generator is compared at, drawn with replacement.
        bandwidths: of that comparison, see `squared_mmd`.
        unseen_weight: of unseen classes in the classifier's loss; seen ones have 1.
        graph_weight: of the loss on regions.
        focus: see `resized_loss`.
    """

    def __init__(
        self,
        model: ZeroShotSegmentor,
        players: Mapping[str, Player],
        *,
        text: Tensor,
        is_unseen: Tensor,
        samples: int = 128,
        bandwidths: Sequence[float] = ZS3NET_BANDWIDTHS,
        unseen_weight: float = 100.0,
        graph_weight: float = 0.1,
        focus: float = 0.0,
    ) -> None:
        assert isinstance(model.criterion, MatchingCriterion)
        assert isinstance(model.naming, Linear)
        self.model = model
        self.players = dict(players)
        self.text = text.mean(1)
        self.is_unseen = is_unseen
        self.samples = samples
        self.bandwidths = tuple(bandwidths)
        self.class_weights = 1 + (unseen_weight - 1) * is_unseen.float()
        self.graph_weight = graph_weight
        self.focus = focus
        self.device = model.device
        self.classifier = model.naming.linear
        self.generator = model.criterion.generator
        self.graph_generator = model.criterion.graph_generator

    @classmethod
    def from_config(cls, cfg: CfgNode, model: ZeroShotSegmentor) -> MatchingStep:
        """
        Raises:
            ValueError: parts that do not fit together; or reports that would hide the layouts.
        """
        if cfg.TEST.SETTING == "inductive":
            raise ValueError(
                "ZS3Net takes layouts from labels of unseen classes, which is not inductive; let "
                "reports say so: set TEST.SETTING to layouts of unseen classes known."
            )
        if not isinstance(model.naming, Linear) or not isinstance(
            model.criterion, MatchingCriterion
        ):
            raise ValueError(
                "SOLVER.STEP MatchingStep trains MODEL.NAMING.NAME Linear with MODEL.CRITERION."
                f"NAME MatchingCriterion, not {type(model.naming).__name__} with "
                f"{type(model.criterion).__name__}."
            )
        if model.vocabulary is None:
            raise ValueError("generation needs the names of a dataset: set DATASETS.TRAIN.")
        optimizer = build_optimizer(cfg, nn.ModuleDict({"naming": model.naming}))
        players = {
            "classifier": Player("classifier", optimizer, build_schedule(cfg, optimizer)),
            "generator": _adam(cfg, "generator", model.criterion.generator),
        }
        if model.criterion.graph_generator is not None:
            players["graph"] = _adam(cfg, "graph", model.criterion.graph_generator)
        options = cfg.SOLVER.MATCHING
        return cls(
            model,
            players,
            text=model.text([model.vocabulary]),
            is_unseen=~torch.tensor(model.vocabulary.is_seen, device=model.device),
            samples=options.SAMPLES,
            bandwidths=options.BANDWIDTHS,
            unseen_weight=options.UNSEEN_WEIGHT,
            graph_weight=options.GRAPH_WEIGHT,
            focus=options.FOCUS,
        )

    @property
    def lr(self) -> float:
        return self.players["classifier"].lr

    def parts(self) -> Mapping[str, Stateful]:
        return {
            name: part for player in self.players.values() for name, part in player.parts().items()
        }

    def __call__(self, batches: Sequence[Batch]) -> dict[str, Tensor]:
        """
        Each generator's updates, class by class and image by image, then the classifier's.

        Returns:
            dict: the classifier's losses on pixels and on regions, and those of the generators,
            added up over images; the pixels' is a mean over labels, "ignore" among them if there.

        Raises:
            ValueError: several batches; gradients of several players are not added up.
        """
        if len(batches) > 1:
            raise ValueError("MatchingStep takes one batch a step; set SOLVER.ACCUMULATE to 1.")
        with torch.no_grad():
            regions, _, targets = self.model.examples(batches[0])
        final = regions[-1]
        labels = at_grid(targets, final.grid)
        nothing = torch.zeros((), device=self.device)
        record = {"loss_generator": nothing}
        if self.graph_generator is not None:
            record["loss_graph"] = nothing
        inputs, nodes = [], []
        for features, own in zip(final.embeddings, labels, strict=True):
            has_unseen = bool(self.is_unseen[own[own != IGNORE]].any())
            image = _Image(features, own, has_unseen)
            made, loss = self._classes(image)
            inputs.append(made)
            record["loss_generator"] = record["loss_generator"] + loss
            if self.graph_generator is not None:
                found, loss = self._regions(image, final.grid)
                nodes += found
                record["loss_graph"] = record["loss_graph"] + loss
        maps = self.classifier(torch.stack(inputs)).mT.unflatten(2, final.grid)
        total = resized_loss(maps, targets, self.class_weights, self.focus)
        record["loss_ce"] = total.detach()
        if nodes:
            rows, classes = (torch.cat(parts) for parts in zip(*nodes, strict=True))
            logits = self.classifier(rows).T[None, :, :, None]
            of_nodes = resized_loss(logits, classes[None, :, None], self.class_weights, self.focus)
            total = total + self.graph_weight * of_nodes
        play([self.players["classifier"]], {"classifier": total})
        return {"total_loss": total.detach(), **record}

    def _classes(self, image: _Image) -> tuple[Tensor, Tensor]:
        """What the classifier is to learn from an image (N, C), and the generator's losses."""
        loss = image.features.new_zeros(())
        made = torch.zeros_like(image.features)
        labels = image.labels.unique().tolist()
        for label in labels:
            if label == IGNORE:
                continue
            cells = (image.labels == label).nonzero()[:, 0]
            text = self.text[label].expand(len(cells), -1)
            noise = torch.rand(len(cells), self.generator.noise_dim, device=self.device)
            fake = self.generator(text, noise)
            if image.has_unseen:
                made[cells] = fake.detach()
                continue
            drawn = torch.randint(len(cells), (self.samples,), device=self.device)
            off = moment_matching(fake[drawn], image.features[cells[drawn]], self.bandwidths)
            play([self.players["generator"]], {"generator": off})
            loss = loss + off.detach() / len(labels)
        return (made if image.has_unseen else image.features), loss

    def _regions(
        self, image: _Image, grid: tuple[int, int]
    ) -> tuple[list[tuple[Tensor, Tensor]], Tensor]:
        """As `_classes` for its regions: (M, C) and (M,) labels, unless there is but one."""
        assert self.graph_generator is not None
        nothing = image.features.new_zeros(())
        graph = region_graph(image.labels.unflatten(0, grid).cpu().numpy())
        if len(graph.first) == 1:
            return [], nothing
        first = torch.from_numpy(graph.first).to(self.device)
        labels = image.labels[first]
        text = self.text[
            labels.where(labels != IGNORE, 0)
        ]  # ignored regions are class 0, as published
        noise = torch.rand(len(first), self.graph_generator.noise_dim, device=self.device)
        adjacency = torch.from_numpy(graph.adjacency).to(self.device)
        fake = self.graph_generator(text, noise, adjacency)
        if image.has_unseen:
            return [(fake.detach(), labels)], nothing
        off = moment_matching(fake, image.features[first], self.bandwidths)
        play([self.players["graph"]], {"graph": off})
        return [(image.features[first], labels)], off.detach()


def _adam(cfg: CfgNode, name: str, module: nn.Module) -> Player:
    optimizer = torch.optim.Adam(module.parameters(), lr=cfg.SOLVER.GENERATOR.BASE_LR)
    return Player(name, optimizer, Schedule(optimizer, lambda t: 1.0))
