"""What a training step of a tiny CLIP is shown: pairs of Shapes scenes as tensors."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from .shapes import NAMES, STUFF
from .shapes_captions import STUFF_TEMPLATES, THING_TEMPLATES, Pair

Tokenizer = Callable[[list[str]], Tensor]


@dataclass(frozen=True)
class Photos:
    """
    Images of one size, and R parts of them that are described.

    Attributes:
        images: (M, 3, S, S) uint8.
        owner: (R,) the image that a part belongs to.
        inside: (R, P) bool, its patches.
        named: (R, 36) bool, the classes that its caption names: all that show.
    """

    images: Tensor
    owner: Tensor
    inside: Tensor
    named: Tensor


@dataclass(frozen=True)
class Batch:
    """
    Attributes:
        photos: by size, M in all.
        captions: (M, L) token ids.
        names: (M, 36) bool, the classes that a caption names.
        phrases: (36, L) token ids, each class name alone in some template.
    """

    photos: list[Photos]
    captions: Tensor
    names: Tensor
    phrases: Tensor


def which(names: Collection[str]) -> Tensor:
    """(36,) bool."""
    return torch.tensor([name in names for name in NAMES])


def as_photos(pairs: list[Pair], patch: int) -> Photos:
    """Pairs whose images have one size, in patches of so many pixels."""
    grid = len(pairs[0].image) // patch
    owner, inside, named = [], [], []
    for i, pair in enumerate(pairs):
        for part in pair.parts:
            mask = torch.zeros(grid, grid, dtype=torch.bool)
            mask[part.top : part.top + part.side, part.left : part.left + part.side] = True
            owner.append(i)
            inside.append(mask.flatten())
            named.append(which(part.names))
    return Photos(
        as_images(np.stack([pair.image for pair in pairs])),
        torch.tensor(owner, dtype=torch.long),
        torch.stack(inside) if inside else torch.zeros(0, grid**2, dtype=torch.bool),
        torch.stack(named) if named else torch.zeros(0, len(NAMES), dtype=torch.bool),
    )


class PairBatches(Dataset[Batch]):
    """
    Item i is step i's batch.

    Args:
        draw: (seed, index of a scene) -> pairs.
        scenes: a step.
        tokenizer: captions -> (M, L) token ids.
        patch: side in pixels of the model's patches.
    """

    def __init__(
        self,
        draw: Callable[[int, int], list[Pair]],
        scenes: int,
        tokenizer: Tokenizer,
        *,
        patch: int,
        seed: int,
        steps: int,
    ) -> None:
        self.draw, self.scenes, self.tokenizer = draw, scenes, tokenizer
        self.patch, self.seed, self.steps = patch, seed, steps

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, step: int) -> Batch:
        cv2.setNumThreads(1)
        scenes = range(step * self.scenes, (step + 1) * self.scenes)
        pairs = [pair for i in scenes for pair in self.draw(self.seed, i)]
        sizes: dict[int, list[Pair]] = {}
        for pair in pairs:
            sizes.setdefault(len(pair.image), []).append(pair)
        pairs = [pair for group in sizes.values() for pair in group]
        rng = np.random.default_rng([self.seed, step])
        templates = [STUFF_TEMPLATES if name in STUFF else THING_TEMPLATES for name in NAMES]
        phrases = [
            str(rng.choice(own)).format(name) for own, name in zip(templates, NAMES, strict=True)
        ]
        return Batch(
            [as_photos(group, self.patch) for group in sizes.values()],
            self.tokenizer([pair.caption for pair in pairs]),
            torch.stack([which(pair.names) for pair in pairs]),
            self.tokenizer(phrases),
        )


def as_images(pixels: np.ndarray) -> Tensor:
    """(M, S, S, 3) -> (M, 3, S, S)."""
    return torch.from_numpy(pixels).permute(0, 3, 1, 2)
