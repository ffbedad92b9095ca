"""
Multi-scale deformable attention (Deformable DETR, arXiv 2010.04159, equation 3), in plain PyTorch.

A query reads P points of every one of L maps, at learned offsets from its own place. Letters: N
queries, S tokens of all maps, map after map and row by row, c channels of a head.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class DeformableAttention(nn.Module):
    """
    sum over maps and points of weight * value[place + offset], for every head's share of the
    channels; weights (softmaxed over all points of all maps) and offsets are linear in the query.

    Args:
        dim: width C of queries and tokens.
        heads: a divisor of `dim`.
        levels: L.
        points: P.
    """

    def __init__(self, *, dim: int, heads: int, levels: int, points: int) -> None:
        super().__init__()
        self.heads = heads
        self.levels = levels
        self.points = points
        self.sampling_offsets = nn.Linear(dim, heads * levels * points * 2)
        self.attention_weights = nn.Linear(dim, heads * levels * points)
        self.value_proj = nn.Linear(dim, dim)
        self.output_proj = nn.Linear(dim, dim)
        self._initialise()

    def _initialise(self) -> None:
        """Each head starts by looking into a direction of its own, point p at p + 1 cells."""
        for linear in (self.sampling_offsets, self.attention_weights):
            nn.init.zeros_(linear.weight)
            nn.init.zeros_(linear.bias)
        for linear in (self.value_proj, self.output_proj):
            nn.init.xavier_uniform_(linear.weight)
            nn.init.zeros_(linear.bias)
        angle = torch.arange(self.heads) * (2 * math.pi / self.heads)
        direction = torch.stack((angle.cos(), angle.sin()), 1)
        direction = direction / direction.abs().amax(1, keepdim=True)
        distance = torch.arange(1.0, self.points + 1)
        offsets = direction[:, None, None] * distance[:, None]  # (heads, 1, P, 2)
        with torch.no_grad():
            self.sampling_offsets.bias.copy_(offsets.expand(-1, self.levels, -1, -1).flatten())

    def forward(
        self,
        query: Tensor,
        reference: Tensor,
        tokens: Tensor,
        sizes: Tensor,
        padding: Tensor | None = None,
    ) -> Tensor:
        """
        Args:
            query: (B, N, C).
            reference: (B, N, L, 2), the place (x, y) of a query on each map, 0..1 from edge to
                edge; or (B, N, L, 4), boxes (x, y of the centre, width, height), inside which
                offsets then count. B and L may be 1.
            tokens: (B, S, C), the maps.
            sizes: (L, 2) int64, height and width of the maps.
            padding: (B, S) bool, tokens that are no part of the image: their value is zero.

        Returns:
            Tensor: (B, N, C).
        """
        value = self.value_proj(tokens)
        if padding is not None:
            value = value.masked_fill(padding[..., None], 0)
        locations, weights = self.places(query, reference, sizes)
        return self.output_proj(
            sample(value.unflatten(2, (self.heads, -1)), sizes, locations, weights)
        )

    def places(self, query: Tensor, reference: Tensor, sizes: Tensor) -> tuple[Tensor, Tensor]:
        """
        Where every head looks, (B, N, heads, L, P, 2) as (x, y) in 0..1, and how much each place
        counts, (B, N, heads, L, P); places may lie outside the map.
        """
        grouped = (self.heads, self.levels, self.points)
        offsets = self.sampling_offsets(query).unflatten(2, (*grouped, 2))
        weights = self.attention_weights(query).unflatten(2, (self.heads, -1)).softmax(3)
        reference = reference[..., None, :, None, :]  # (B, N, 1, L, 1, 2 or 4)
        if reference.shape[-1] == 4:
            unit = reference[..., 2:] / (2 * self.points)
        else:
            unit = 1 / sizes.flip(1)[:, None]
        return reference[..., :2] + offsets * unit, weights.unflatten(3, grouped[1:])


def sample(value: Tensor, sizes: Tensor, locations: Tensor, weights: Tensor) -> Tensor:
    """
    Weighted sums of bilinear samples; a map is zero outside its edges.

    A sample is four cells of one map, so all L * P of a query are one weighted sum over rows of a
    table, an embedding bag. Unlike with `grid_sample` on map after map, samples are never held.

    Args:
        value: (B, S, heads, c).
        sizes: as for `DeformableAttention`.
        locations, weights: as from `DeformableAttention.places`.

    Returns:
        Tensor: (B, N, heads * c).
    """
    batch, tokens, heads, _ = value.shape
    # Maps and points as one axis, and 32-bit indices: there are 4 * L * P of them for every head.
    height, width, first = (
        numbers.int().repeat_interleave(locations.shape[4], output_size=weights[0, 0, 0].numel())
        for numbers in (*sizes.T, sizes.prod(1).cumsum(0) - sizes.prod(1))
    )
    x, y = locations.flatten(3, 4).unbind(-1)  # (B, N, heads, L * P)
    image, head = (torch.arange(n, dtype=torch.int32, device=x.device) for n in (batch, heads))
    corner = (image[:, None, None, None] * tokens + first) * heads + head[:, None]
    rows = [(corner + i * width * heads, share) for i, share in _neighbours(y, height)]
    columns = [(i * heads, share * weights.flatten(3)) for i, share in _neighbours(x, width)]

    index = torch.cat([row + column for row, _ in rows for column, _ in columns], 3)
    shares = torch.cat([row * column for _, row in rows for _, column in columns], 3)
    table = value.flatten(0, 2)
    bags = F.embedding_bag(
        index.flatten(0, 2), table, per_sample_weights=shares.flatten(0, 2), mode="sum"
    )
    return bags.view(batch, -1, heads * table.shape[1])


def _neighbours(place: Tensor, length: Tensor) -> list[tuple[Tensor, Tensor]]:
    """The two cells around a coordinate in 0..1 and their shares in it; zero if outside."""
    position = place * length - 0.5
    low = position.detach().floor()
    share = position - low
    neighbours = []
    for index, part in ((low.int(), 1 - share), (low.int() + 1, share)):
        inside = (index >= 0) & (index < length)
        neighbours.append((index.clamp(min=0).minimum(length - 1), part * inside))
    return neighbours
