"""What happens beside the steps of a run, and when."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any  # evaluators return what they like beside numbers

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from ..runtime.engine import HookBase
from ..runtime.utils import comm
from ..runtime.utils.events import EventWriter
from .ema import WeightAverage
from .writers import open_writers

if TYPE_CHECKING:
    from .trainer import Trainer

logger = logging.getLogger(__name__)


class Hook(HookBase):
    """A hook of our trainer."""

    trainer: Trainer

    def due(self, period: int) -> bool:
        """After every `period` iterations, and after the last; 0 is never."""
        done = self.trainer.iter + 1
        return period > 0 and (done % period == 0 or done == self.trainer.max_iter)


class AverageHook(Hook):
    """Keeps a moving average of the weights."""

    def __init__(self, average: WeightAverage) -> None:
        self.average = average

    def after_step(self) -> None:
        self.average.update()


class EvaluationHook(Hook):
    """
    Evaluates from time to time and remembers the best. A part of checkpoints.

    Args:
        evaluate: gives numbers, nested as Detectron2's evaluators return them; on other processes
            than the main one it may give nothing.
        period: iterations; the last one is always followed by an evaluation. 0: never.
        best_metric: the number that is to be high. Of several with that name the first counts.
        save_best: called when it is higher than ever, with what is to be remembered about it.
    """

    def __init__(
        self,
        evaluate: Callable[[], Mapping[str, Any]],
        period: int,
        best_metric: str,
        save_best: Callable[[dict[str, Any]], None],
    ) -> None:
        self.evaluate = evaluate
        self.period = period
        self.best_metric = best_metric
        self.save_best = save_best
        self.best: dict[str, Any] = {}

    def state_dict(self) -> dict[str, Any]:
        return dict(self.best)

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        self.best = dict(state_dict)

    def after_step(self) -> None:
        if not self.due(self.period):
            return
        self.trainer.settle()
        try:
            numbers = dict(flat(self.evaluate()))
        except Exception:
            # Hours of training shall not depend on an evaluator. (Saving takes all processes,
            # and the others may wait inside theirs.)
            if comm.get_world_size() == 1:
                self.trainer.save()
            raise
        comm.synchronize()
        if comm.is_main_process():
            for name, value in numbers.items():
                self.trainer.storage.put_scalar(name, value, smoothing_hint=False)
            self._compare(numbers)

    def _compare(self, numbers: Mapping[str, float]) -> None:
        name = next((n for n in numbers if n.split("/")[-1] == self.best_metric), None)
        if name is None:
            known = sorted({name.split("/")[-1] for name in numbers})
            logger.warning(
                "no best checkpoint: TEST.BEST_METRIC is %r, but the evaluation gave %s.",
                self.best_metric,
                ", ".join(known) or "nothing",
            )
        elif numbers[name] > self.best.get("value", -math.inf):
            value = numbers[name]
            self.best = {"metric": name, "value": value, "iteration": self.trainer.iter}
            self.save_best(self.best)
            logger.info("best so far: %s %.4g after iteration %d", name, value, self.trainer.iter)


def flat(results: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    """The numbers in nested results, under names joined by "/"."""
    for name, value in results.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{name}/")
        elif isinstance(value, (int, float)):
            yield f"{prefix}{name}", float(value)


class CheckpointHook(Hook):
    """
    Saves from time to time and after the last iteration, and then exports the weights alone.

    Args:
        period: iterations.
        export: called once all is done, by the main process.
    """

    def __init__(self, period: int, export: Callable[[], None]) -> None:
        self.period = period
        self.export = export

    def after_step(self) -> None:
        if self.due(self.period):
            self.trainer.save()

    def after_train(self) -> None:
        if self.trainer.iter >= self.trainer.max_iter and comm.is_main_process():
            self.export()


class WriterHook(Hook):
    """
    Writes the run's scalars, on the main process.

    Args:
        directory: where the files are.
        periods: a multiple of any of them, in iterations, is a time to write.
    """

    def __init__(self, directory: Path, periods: Sequence[int]) -> None:
        self.directory = directory
        self.periods = periods
        self.writers: list[EventWriter] = []

    def before_train(self) -> None:
        if comm.is_main_process():
            self.writers = open_writers(
                self.directory, self.trainer.start_iter, self.trainer.max_iter
            )

    def after_step(self) -> None:
        if any(self.due(period) for period in self.periods):
            self.trainer.settle()
            for writer in self.writers:
                writer.write()

    def after_train(self) -> None:
        for writer in self.writers:
            writer.close()


class ProgressBar(Hook):
    """A bar with the time left, where there is a terminal; log lines move above it."""

    def before_train(self) -> None:
        self._context = ExitStack()
        hidden = None if comm.is_main_process() else True  # None: hidden unless on a terminal
        bar = tqdm(
            total=self.trainer.max_iter,
            initial=self.trainer.start_iter,
            unit="it",
            disable=hidden,
            dynamic_ncols=True,
        )
        self._bar = self._context.enter_context(bar)
        if not bar.disable:
            loggers = [logging.getLogger(name) for name in ("zs3", "detectron2", "fvcore")]
            self._context.enter_context(logging_redirect_tqdm(loggers))

    def after_step(self) -> None:
        self._bar.update()

    def after_train(self) -> None:
        self._context.close()
