"""
CaGNet's training: real batches and synthetic ones in turn (Gu et al., ACM MM 2020, section 3.5).

Real ("step1" of the published code): the backbone learns to segment, the critic to classify and to
tell generated features from real ones, the generator to make them alike. Synthetic ("step2"):
features are generated for label maps that no image has, and the classifier learns from those.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn
from torch.nn import functional as F

from ..criterion.adversarial import ADVERSARIES, gradient_penalty
from ..criterion.contextual import ContextualCriterion
from ..criterion.grid import at_grid, cell_loss
from ..criterion.moments import run_matching
from ..generation.features import Blocks, Grid, LayoutSource, SinglePixels
from ..grouping import ContextualRegions
from ..naming import Critic
from ..nearest import did_you_mean
from ..regions import Regions
from ..registry import STEP_REGISTRY
from ..runtime.config import CfgNode
from ..runtime.utils import comm
from ..segmentor import ZeroShotSegmentor
from ..vocabulary import IGNORE
from .optimizer import build_optimizer
from .players import Player, play
from .schedule import Schedule, build_schedule, decays
from .steps import Batch, Stateful

PENALTY = 10.0  # weight of the gradient penalty of "wgan-gp"
CONTENT: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "mmd": run_matching,
    "l1": lambda fake, real, labels: F.l1_loss(fake, real),
    "mse": lambda fake, real, labels: F.mse_loss(fake, real),
}


@dataclass(frozen=True)
class Weights:
    """
    Factors of the losses, after the published configurations.

    Attributes:
        critic_real, critic_fake, critic_synthetic: the classifier's on real features, on generated
            ones for real labels, and on synthetic label maps.
        generator_content, generator_adversary, generator_class, generator_synthetic: the
            generator's: to be alike pixel by pixel, to look real, and to be classified well, for
            real labels and for synthetic ones.
    """

    critic_real: float = 1.0
    critic_fake: float = 0.0
    critic_synthetic: float = 0.125
    generator_content: float = 50.0
    generator_adversary: float = 1.0
    generator_class: float = 0.0
    generator_synthetic: float = 0.0

    @classmethod
    def from_config(cls, cfg: CfgNode) -> Weights:
        weights = cfg.SOLVER.GENERATIVE.WEIGHTS
        return cls(
            critic_real=weights.CRITIC_REAL,
            critic_fake=weights.CRITIC_FAKE,
            critic_synthetic=weights.CRITIC_SYNTHETIC,
            generator_content=weights.GENERATOR_CONTENT,
            generator_adversary=weights.GENERATOR_ADVERSARY,
            generator_class=weights.GENERATOR_CLASS,
            generator_synthetic=weights.GENERATOR_SYNTHETIC,
        )


@STEP_REGISTRY.register()
class GenerativeStep:
    """
    Args:
        model: with a `Critic` as naming and a `ContextualCriterion`.
        players: called "critic", "backbone" and "generator", in the order they move; a frozen
            backbone has none.
        layouts: label maps for synthetic batches.
        text: (K, P, D) of the vocabulary it is trained for.
        is_unseen: (K,) bool.
        weights: of the losses.
        adversary: the game, one of `ADVERSARIES`.
        content: "mmd", "l1" or "mse".
        real, synthetic: how many iterations of each, in turn; 0 leaves them out.
    """

    def __init__(
        self,
        model: ZeroShotSegmentor,
        players: Sequence[Player],
        *,
        layouts: LayoutSource,
        text: Tensor,
        is_unseen: Tensor,
        weights: Weights | None = None,
        adversary: str = "lsgan",
        content: str = "mmd",
        real: int = 100,
        synthetic: int = 0,
    ) -> None:
        assert isinstance(model.naming, Critic)
        assert isinstance(model.criterion, ContextualCriterion)
        self.model = model
        self.players = list(players)
        self.layouts = layouts
        # Of pixels without a label, and of unseen ones in real batches: nothing is said of them.
        self.text = F.pad(text.mean(1), (0, 0, 0, 1))
        self.seen_text = self.text * F.pad(~is_unseen, (0, 1))[:, None]
        self.weights = weights or Weights()
        self.adversary = ADVERSARIES[adversary]
        self.penalised = adversary == "wgan-gp"
        self.content = CONTENT[content]
        self.real, self.synthetic = real, synthetic
        self.device = model.device
        self.critic, self.criterion = model.naming, model.criterion
        self.generator = model.criterion.generator
        self.critic.own(text)
        self.grid: Grid | None = None  # of the last real batch; synthetic ones are of its size

    @classmethod
    def from_config(cls, cfg: CfgNode, model: ZeroShotSegmentor) -> GenerativeStep:
        """
        Raises:
            ValueError: parts or widths that do not fit together, or an unknown game.
        """
        options = cfg.SOLVER.GENERATIVE
        if not isinstance(model.naming, Critic) or not isinstance(
            model.criterion, ContextualCriterion
        ):
            raise ValueError(
                "SOLVER.STEP GenerativeStep trains MODEL.NAMING.NAME Critic with MODEL.CRITERION."
                f"NAME ContextualCriterion, not {type(model.naming).__name__} with "
                f"{type(model.criterion).__name__}."
            )
        for name, known in (("ADVERSARY", ADVERSARIES), ("CONTENT", CONTENT)):
            if options[name] not in known:
                raise ValueError(
                    f"SOLVER.GENERATIVE.{name} is {options[name]!r}; expected one of "
                    f"{', '.join(known)}." + did_you_mean(options[name], known)
                )
        vocabulary = model.vocabulary
        if vocabulary is None:
            raise ValueError("generation needs the names of a dataset: set DATASETS.TRAIN.")
        widths = {
            "TEXT_DIM": model.text.dim,
            "FEATURE_DIM": model.naming.shared.in_features,
        }
        for name, width in widths.items():
            if cfg.MODEL.GENERATOR[name] != width:
                raise ValueError(
                    f"MODEL.GENERATOR.{name} is {cfg.MODEL.GENERATOR[name]}, but the model's is "
                    f"{width}; set it to that."
                )
        is_unseen = ~torch.tensor(vocabulary.is_seen, device=model.device)
        layouts: LayoutSource = SinglePixels(is_unseen, options.UNSEEN_RATE)
        if options.BLOCKS:
            layouts = Blocks.load(options.BLOCKS, model.device)
        return cls(
            model,
            build_players(cfg, model),
            layouts=layouts,
            text=model.text([vocabulary]),
            is_unseen=is_unseen,
            weights=Weights.from_config(cfg),
            adversary=options.ADVERSARY,
            content=options.CONTENT,
            real=options.REAL,
            synthetic=options.SYNTHETIC,
        )

    @property
    def lr(self) -> float:
        return max(player.lr for player in self.players)

    def parts(self) -> Mapping[str, Stateful]:
        return {name: part for player in self.players for name, part in player.parts().items()}

    def __call__(self, batches: Sequence[Batch]) -> dict[str, Tensor]:
        """
        One real or one synthetic update. As published, a real batch without a labelled cell in one
        of its grids is passed over.

        Returns:
            dict: the losses of the players that moved, and their terms.

        Raises:
            ValueError: several batches; gradients of several players are not added up.
        """
        if len(batches) > 1:
            raise ValueError("GenerativeStep takes one batch a step; set SOLVER.ACCUMULATE to 1.")
        iteration = self.players[0].schedule.iteration
        if iteration % (self.real + self.synthetic) < self.real:
            examples = self.model.examples(batches[0])
            self.grid = examples[0][-1].grid
            if not everywhere_labelled(examples):
                return {"total_loss": torch.zeros((), device=self.device)}
            losses, record = self.real_losses(*examples)
        else:
            if self.grid is None:  # of a run that is resumed among synthetic batches
                with torch.no_grad():
                    self.grid = self.model.examples(batches[0])[0][-1].grid
            losses, record = self.synthetic_losses(len(batches[0]), self.grid)
        play(self.players, losses)
        return {name: value.detach() for name, value in record.items()}

    def real_losses(
        self, regions: list[Regions], logits: list[Tensor], targets: Tensor
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """
        Args:
            regions, logits, targets: of the model for a batch, some labelled cell in each grid.

        Returns:
            the loss of each player, and what to record: those and their terms.
        """
        weights, critic = self.weights, self.critic
        final = regions[-1]
        assert isinstance(final, ContextualRegions)
        code = final.context.code.flatten(2).mT.detach()
        labels = at_grid(targets, final.grid)
        labelled = labels != IGNORE

        fake = self.generator(self.seen_text[self._rows(labels)], code)
        real_rows, fake_rows = final.embeddings[labelled], fake[labelled]
        classes = [
            cell_loss(logit, at_grid(targets, group.grid))
            for group, logit in zip(regions, logits, strict=True)
        ]
        terms = {
            "class_real": torch.stack(classes).mean(),
            "class_fake": cell_loss(critic.classify(fake, final.grid), labels),
            "judged_real": self.adversary.of_real(critic.judge(real_rows.detach())),
            "judged_fake": self.adversary.of_fake(critic.judge(fake_rows.detach())),
            "content": self.content(fake_rows, real_rows.detach(), labels[labelled]),
            "deceived": self.adversary.of_generator(critic.judge(fake_rows)),
        }
        if self.penalised:
            terms["penalty"] = PENALTY * gradient_penalty(
                critic.judge, final.embeddings, fake, labelled
            )
        losses = {
            "critic": terms["judged_real"]
            + terms["judged_fake"]
            + terms.get("penalty", 0)
            + weights.critic_real * terms["class_real"]
            + weights.critic_fake * terms["class_fake"],
            "generator": weights.generator_adversary * terms["deceived"]
            + weights.generator_content * terms["content"]
            + weights.generator_class * terms["class_fake"],
        }
        if any(player.name == "backbone" for player in self.players):
            own = self.criterion(regions, logits, targets)
            losses["backbone"] = torch.stack(list(own.values())).sum()
            terms |= own
        return losses, self._record(losses, terms)

    def synthetic_losses(
        self, count: int, grid: Grid
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """As `real_losses`, for `count` label maps on a grid."""
        layout = self.layouts(count, grid, self.generator.noise_dim)
        features = self.generator(self.text[layout.labels], layout.noise)
        logits = self.critic.classify(features, grid)[:, layout.counted]
        loss = cell_loss(logits, layout.labels[:, layout.counted])
        losses = {
            "critic": self.weights.critic_synthetic * loss,
            "generator": self.weights.generator_synthetic * loss,
        }
        return losses, self._record(losses, {"class_synthetic": loss})

    def _record(
        self, losses: Mapping[str, Tensor], terms: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        total = torch.stack(list(losses.values())).sum()
        named = {f"loss_{name}": loss for name, loss in losses.items()}
        return {"total_loss": total, **named, **terms}

    def _rows(self, labels: Tensor) -> Tensor:
        """Rows of the padded text; that of no label is the last."""
        return labels.where(labels != IGNORE, len(self.text) - 1)


def everywhere_labelled(examples: tuple[list[Regions], list[Tensor], Tensor]) -> bool:
    """Whether every grid has a labelled cell, in all processes."""
    regions, _, targets = examples
    found = torch.stack([(at_grid(targets, group.grid) != IGNORE).any() for group in regions])
    everywhere = found.all().float()
    if comm.get_world_size() > 1:
        distributed.all_reduce(everywhere, distributed.ReduceOp.MIN)
    return bool(everywhere)


def build_players(cfg: CfgNode, model: ZeroShotSegmentor) -> list[Player]:
    """
    The backbone's by SOLVER itself, those of critic and generator (Adam) by SOLVER.CRITIC and
    SOLVER.GENERATOR; in the order they move.
    """
    seeing = nn.ModuleDict({"backbone": model.backbone, "grouping": model.grouping})
    critic = cfg.SOLVER.CRITIC
    generator = cfg.SOLVER.GENERATOR
    players = [_adam(critic, "critic", model.naming)]
    if any(parameter.requires_grad for parameter in seeing.parameters()):
        optimizer = build_optimizer(cfg, seeing)
        players.append(Player("backbone", optimizer, build_schedule(cfg, optimizer)))
    assert isinstance(model.criterion, ContextualCriterion)
    players.append(_adam(generator, "generator", model.criterion.generator))
    return players


def _adam(options: CfgNode, name: str, module: nn.Module) -> Player:
    optimizer = torch.optim.Adam(
        module.parameters(), lr=options.BASE_LR, weight_decay=options.WEIGHT_DECAY
    )
    factor = decays(options.DECAY_FROM, options.DECAY_EVERY, gamma=options.GAMMA)
    return Player(name, optimizer, Schedule(optimizer, factor))
