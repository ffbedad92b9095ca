"""What happens in one iteration of training. A method that trains otherwise brings another step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol  # Any: what samples and states hold is their owners' business

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim import Optimizer

from ..registry import STEP_REGISTRY
from ..runtime.config import CfgNode
from .clipping import Clipping, build_clipping, no_clipping
from .optimizer import OptimizerState, build_optimizer
from .parallel import share
from .schedule import Schedule, build_schedule

Batch = list[dict[str, Any]]


class Stateful(Protocol):
    """Something whose state belongs into a checkpoint."""

    def state_dict(self) -> dict[str, Any]: ...
    def load_state_dict(self, state_dict: Any) -> object: ...


class TrainingStep(Protocol):
    """What a trainer repeats."""

    device: torch.device

    @property
    def lr(self) -> float:
        """The learning rate to show."""

    def parts(self) -> Mapping[str, Stateful]:
        """What a checkpoint must hold beside the model, by its name in the checkpoint."""

    def __call__(self, batches: Sequence[Batch]) -> dict[str, Tensor]:
        """
        One update from the batches of one iteration.

        Returns:
            dict: scalars to record, on the model's device and without a graph. The run stops when
            one of them is not finite.
        """


@STEP_REGISTRY.register()
class SupervisedStep:
    """
    Sum of the model's losses, backward, clipping, optimizer, schedule.

    Args:
        model: in training mode it turns a batch into a dict of weighted losses. Wrapped for several
            processes already.
        optimizer, schedule: the schedule is stepped with the optimizer.
        clipping: limits the gradients; see clipping.py.
        autocast: the type for mixed precision, or None. float16 scales the losses, too.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: Optimizer,
        schedule: Schedule,
        *,
        clipping: Clipping = no_clipping,
        autocast: torch.dtype | None = None,
    ) -> None:
        self.model = model
        self.optimizer = optimizer
        self.schedule = schedule
        self.clipping = clipping
        self.autocast = autocast
        self.parameters = [p for group in optimizer.param_groups for p in group["params"]]
        self.device = self.parameters[0].device
        scales = autocast == torch.float16
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=scales)

    @classmethod
    def from_config(cls, cfg: CfgNode, model: nn.Module) -> SupervisedStep:
        """For what is trained of a model; it becomes one of several processes, if there are any."""
        optimizer = build_optimizer(cfg, model)
        shared = share(model, find_unused_parameters=cfg.SOLVER.FIND_UNUSED_PARAMETERS)
        # CPUs have no float16 arithmetic to speak of.
        kind = torch.float16 if next(model.parameters()).is_cuda else torch.bfloat16
        return cls(
            shared,
            optimizer,
            build_schedule(cfg, optimizer),
            clipping=build_clipping(cfg),
            autocast=kind if cfg.SOLVER.AMP.ENABLED else None,
        )

    @property
    def lr(self) -> float:
        return max(group["lr"] for group in self.optimizer.param_groups)

    def parts(self) -> Mapping[str, Stateful]:
        return {
            "optimizer": OptimizerState(self.optimizer),
            "scheduler": self.schedule,
            "scaler": self.scaler,
        }

    def __call__(self, batches: Sequence[Batch]) -> dict[str, Tensor]:
        """
        Args:
            batches: their losses and gradients are averaged.

        Returns:
            dict: "total_loss", its terms, and "grad_norm" before clipping (not with float16, where
            a gradient beyond its range only makes the scaler skip a step).
        """
        self.optimizer.zero_grad()
        record: dict[str, Tensor] = {}
        for number, batch in enumerate(batches, 1):
            with self._sharing_gradients(number == len(batches)):
                with self._precision():
                    losses = self.model(batch)
                    total = torch.stack([loss.float() for loss in losses.values()]).sum()
                self.scaler.scale(total / len(batches)).backward()
            for name, loss in {"total_loss": total, **losses}.items():
                share = loss.detach() / len(batches)
                record[name] = record[name] + share if name in record else share
        self.scaler.unscale_(self.optimizer)
        norm = self.clipping(self.parameters)
        if not self.scaler.is_enabled():
            record["grad_norm"] = norm
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.schedule.step()
        return record

    def _precision(self) -> AbstractContextManager[object]:
        if self.autocast is None:
            return nullcontext()
        return torch.autocast(self.device.type, dtype=self.autocast)

    def _sharing_gradients(self, share: bool) -> AbstractContextManager[object]:
        """Processes exchange gradients with the last batch of an iteration only."""
        if isinstance(self.model, DistributedDataParallel) and not share:
            return self.model.no_sync()
        return nullcontext()
