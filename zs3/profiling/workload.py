"""What is to be measured: which model does what with how many images and names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True)
class Workload:
    """
    Attributes:
        config_file: of the model.
        options: KEY VALUE pairs on top of it.
        training: a step of training instead of a prediction of label maps.
        size: (H, W) of the images, in pixels.
        batch: images a step.
        classes: so many made-up names, a tenth of them unseen; None for the names of the
            configuration's first dataset.
        threads: of torch on CPUs; None for its own choice.
        random_weights: no part fetches or reads weights.

    Raises:
        ValueError: a number below 1.
    """

    config_file: str
    options: Sequence[str] = ()
    training: bool = False
    size: tuple[int, int] = (512, 512)
    batch: int = 1
    classes: int | None = None
    threads: int | None = None
    random_weights: bool = False

    def __post_init__(self) -> None:
        numbers: dict[str, Any] = {field.name: getattr(self, field.name) for field in fields(self)}
        numbers["height"], numbers["width"] = self.size
        for name in ("height", "width", "batch", "classes", "threads"):
            if numbers[name] is not None and numbers[name] < 1:
                raise ValueError(f"{name} is {numbers[name]}; expected 1 or more.")

    @property
    def task(self) -> str:
        return "training" if self.training else "prediction"
