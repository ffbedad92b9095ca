"""What every format offers: a source of labels, and the labels of one image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np


class ImageLabels(Protocol):
    """
    The labels of one image, not yet a map: small, and complete in itself, so that it can be handed
    to the process that reads the image.
    """

    def read(self, image: Path) -> np.ndarray:
        """
        Args:
            image: its file, for labels that do not say how large they are.

        Returns:
            np.ndarray: (H, W) integers: an index into the source's names, or len(names) where
            nothing is labelled; as stored where there are no names.

        Raises:
            FileNotFoundError, ValueError: a missing or damaged file, or what is no label.
        """
        ...


@dataclass(frozen=True)
class Pairs:
    """
    Attributes:
        labels: by the key of their image.
        alone: labels without an image, as they may be shown to somebody.
        unclear: those that fit several images, or an image that has others, likewise.
    """

    labels: Mapping[str, ImageLabels]
    alone: Sequence[str]
    unclear: Sequence[str] = ()


class LabelSource(Protocol):
    """The labels of many images."""

    @property
    def names(self) -> tuple[str, ...] | None:
        """What the labels are called; None where they are bare numbers."""
        ...

    @property
    def lists_names(self) -> bool:
        """Whether `names` are all there are, and not only those that were used."""
        ...

    @property
    def lists_images(self) -> bool:
        """Whether an image it does not mention is meant to be left out, and lacks no labels."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What it holds that is no label and was left out, a line each."""
        ...

    def pair(self, images: Mapping[str, Path]) -> Pairs:
        """
        Args:
            images: by key, the path below their folder without extension.
        """
        ...
