"""How the losses of several supervised layers are called."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from torch import Tensor

from ..regions import Regions
from ..resize import resize
from .cells import Cells


def over_layers(layers: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """
    One dict of all layers' losses: the last layer keeps the names, the others add "_0", "_1", ...

    Args:
        layers: the losses of each layer, earliest first.
    """
    suffixes = [f"_{i}" for i in range(len(layers) - 1)] + [""]
    return {
        name + suffix: loss
        for suffix, losses in zip(suffixes, layers, strict=True)
        for name, loss in losses.items()
    }


def over_maps(
    name: str,
    loss: Callable[[Tensor, Tensor, Cells], Tensor],
    regions: Sequence[Regions],
    logits: Sequence[Tensor],
    targets: Tensor,
    side: int,
    *,
    align_corners: bool = False,
) -> dict[str, Tensor]:
    """
    A loss of every grouping's logits, painted and resized to the cells of the targets.

    Args:
        name: of the loss.
        loss: (maps (B, K, rows, columns), labels (B, H * W), cells) -> scalar.
        regions: L supervised groupings, the final one last.
        logits: their class logits (B, N, K).
        targets: (B, H, W) int64 labels 0..K-1, or IGNORE.
        side: of the grid of cells, see `Cells.of`.
        align_corners: corner cells lie on the corners of that grid.
    """
    cells, labels = Cells.of(targets, side), targets.flatten(1)
    maps = (
        resize(group.paint(own).float(), cells.size, align_corners=align_corners)
        for group, own in zip(regions, logits, strict=True)
    )
    return over_layers([{name: loss(each, labels, cells)} for each in maps])
