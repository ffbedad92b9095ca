"""CaGNetv2's blocks of labels: a PixelCNN learns which are likely, and makes unseen ones."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm, trange

from ..generation.blocks import cut, enough_unseen, few_classes, fill
from ..generation.pixel_cnn import PixelCNN, sample_blocks
from ..vocabulary import IGNORE


@dataclass(frozen=True)
class Recipe:
    """
    Published settings of a side.

    Attributes:
        kernel, dropout: of the network.
        fill_rounds: how often holes are filled.
        given: first pixels of the wanted unseen class.
        unseen: pixels of unseen classes a block must have.
        classes: the most it may have.
    """

    kernel: int
    dropout: tuple[float, ...]
    fill_rounds: int
    given: int
    unseen: int
    classes: int


RECIPES = {
    3: Recipe(7, (0, 0, 0, 0, 0, 0, 0.5, 0.5), 1, 5, 7, 3),
    5: Recipe(3, (0, 0, 0.5, 0.5), 2, 13, 17, 8),
    7: Recipe(3, (0, 0, 0.5, 0.5), 3, 25, 30, 12),
}


def learn(
    network: PixelCNN, text: Tensor, labels: Iterable[Tensor], *, side: int, lr: float
) -> None:
    """
    One Adam step for each batch of label maps, in place.

    As published, the condition is the block itself, its own pixels among it.

    Args:
        text: (K, D).
        labels: (B, h, w) each, IGNORE where there is none.
    """
    optimizer = torch.optim.Adam(network.parameters(), lr=lr)
    network.train()
    for batch in labels:
        blocks = cut(batch, side)
        filled = fill(blocks, RECIPES[side].fill_rounds)
        whole = (filled != IGNORE).flatten(1).all(1)
        if not whole.any():
            continue
        known = text[filled[whole]]
        loss = F.cross_entropy(network(known, known), blocks[whole], ignore_index=IGNORE)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def sample(
    network: PixelCNN, text: Tensor, is_unseen: Tensor, *, side: int, rounds: int, each: int
) -> Tensor:
    """
    Blocks that are mostly unseen and of few classes, shuffled.

    Args:
        text: (K, D).
        is_unseen: (K,) bool.
        rounds: of `each` blocks, most of which are thrown away.

    Returns:
        Tensor: (M, side, side) int64.

    Raises:
        ValueError: none is left.
    """
    recipe, unseen = RECIPES[side], is_unseen.nonzero()[:, 0]
    network.eval()
    kept = []
    for _ in trange(rounds, desc="sampling blocks"):
        wanted = unseen[torch.randint(len(unseen), (each,), device=text.device)]
        draws = torch.rand(each, side * side, device=text.device)
        made = sample_blocks(
            network, text, wanted, draws, side=side, given=recipe.given, is_unseen=is_unseen
        )
        good = enough_unseen(made, is_unseen, recipe.unseen) & few_classes(made, recipe.classes)
        kept.append(made[good])
    blocks = torch.cat(kept)
    if not len(blocks):
        raise ValueError(
            f"none of {rounds * each} blocks has {recipe.unseen} pixels of unseen classes and at "
            f"most {recipe.classes} classes; train longer."
        )
    return blocks[torch.randperm(len(blocks), device=blocks.device)]


def fused(blocks: Tensor, is_unseen: Tensor, ratio: int) -> Tensor:
    """
    Published as an option: beside the blocks `ratio` times as many of one unseen class each,
    shuffled. Label maps are smoother than what a PixelCNN draws.

    Args:
        blocks: (M, side, side).
        is_unseen: (K,) bool.

    Returns:
        Tensor: ((1 + ratio) M, side, side).
    """
    unseen = is_unseen.nonzero()[:, 0]
    drawn = unseen[torch.randint(len(unseen), (ratio * len(blocks),), device=unseen.device)]
    every = torch.cat([blocks, drawn[:, None, None].expand(-1, *blocks.shape[1:]).to(blocks)])
    return every[torch.randperm(len(every), device=every.device)]


def shown(batches: Iterable[Tensor], count: int) -> Iterable[Tensor]:
    """The first `count` of endless batches, behind a progress bar."""
    return tqdm((batch for batch, _ in zip(batches, range(count), strict=False)), total=count)
