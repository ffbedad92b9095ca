"""The training loop: hooks around a step."""

from __future__ import annotations

import logging
import weakref
from collections.abc import Sequence

from .utils.events import EventStorage


class HookBase:
    """
    Something to be done around the steps of a trainer: before_train, then before_step, the step and
    after_step for every iteration, then after_train; a step may call after_backward.

    Attributes:
        trainer: the trainer it is registered with.
    """

    trainer: TrainerBase

    def before_train(self) -> None: ...
    def before_step(self) -> None: ...
    def after_backward(self) -> None: ...
    def after_step(self) -> None: ...
    def after_train(self) -> None: ...


class TrainerBase:
    """
    A loop over `run_step`, which subclasses write.

    Attributes:
        iter: the current iteration; max_iter in `after_train` if all went well.
        start_iter, max_iter: the loop's first iteration, and the one it stops before.
        storage: open while training; scalars are put at `iter`.
    """

    def __init__(self) -> None:
        self._hooks: list[HookBase] = []
        self.iter = 0
        self.start_iter = 0
        self.max_iter: int
        self.storage: EventStorage

    def register_hooks(self, hooks: Sequence[HookBase | None]) -> None:
        """Adds hooks, to be called in this order; None is passed over."""
        for hook in hooks:
            if hook is not None:
                hook.trainer = weakref.proxy(self)
                self._hooks.append(hook)

    def train(self, start_iter: int, max_iter: int) -> None:
        """Runs the loop; `after_train` is called however it ends."""
        logger = logging.getLogger(__name__)
        logger.info("Starting training from iteration %d", start_iter)
        self.iter = self.start_iter = start_iter
        self.max_iter = max_iter
        with EventStorage(start_iter) as self.storage:
            try:
                self.before_train()
                for self.iter in range(start_iter, max_iter):
                    self.before_step()
                    self.run_step()
                    self.after_step()
                self.iter += 1
            except Exception:
                logger.error("Training stopped at iteration %d.", self.iter)
                raise
            finally:
                self.after_train()

    def run_step(self) -> None:
        raise NotImplementedError

    def before_train(self) -> None:
        for hook in self._hooks:
            hook.before_train()

    def before_step(self) -> None:
        self.storage.iter = self.iter
        for hook in self._hooks:
            hook.before_step()

    def after_backward(self) -> None:
        for hook in self._hooks:
            hook.after_backward()

    def after_step(self) -> None:
        for hook in self._hooks:
            hook.after_step()

    def after_train(self) -> None:
        self.storage.iter = self.iter
        for hook in self._hooks:
            hook.after_train()
