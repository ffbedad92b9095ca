"""
Networks from a name and noise to the feature of a pixel (or of a region) of that name.

CaGNet (Gu et al., ACM MM 2020, section 3.3) and ZS3Net (Bucher et al., NeurIPS 2019, sections 3.2
and 3.3). Shapes: M pixels or regions, D text, Z noise, C features.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SLOPE = 0.2  # of the leaky ReLUs


def kaiming(layer: nn.Linear) -> None:
    """CaGNet's start."""
    nn.init.kaiming_normal_(layer.weight)
    nn.init.zeros_(layer.bias)


def xavier(layer: nn.Linear) -> None:
    """ZS3Net's start."""
    nn.init.xavier_uniform_(layer.weight)
    nn.init.constant_(layer.bias, 0.01)


class Generator(nn.Module):
    """
    A perceptron: hidden layers with leaky ReLU and then dropout, and a linear one.

    Args:
        text_dim, noise_dim, feature_dim: D, Z and C.
        hidden: widths of the hidden layers; none make it a linear map.
        dropout: probability behind each of them.
        bounded: end in a sigmoid, for features that do.
        init: of each layer.
        reconstructs: have one more layer, `reconstruction`, from features back to text and noise.

    Raises:
        ValueError: not one probability for each hidden layer.
    """

    def __init__(
        self,
        *,
        text_dim: int,
        noise_dim: int,
        feature_dim: int,
        hidden: Sequence[int],
        dropout: Sequence[float],
        bounded: bool,
        init: Callable[[nn.Linear], None] = kaiming,
        reconstructs: bool = False,
    ) -> None:
        super().__init__()
        if len(hidden) != len(dropout):
            raise ValueError(
                f"a generator of {len(hidden)} hidden layers needs as many probabilities of "
                f"dropout, but got {list(dropout)}."
            )
        self.noise_dim = noise_dim
        widths = (text_dim + noise_dim, *hidden, feature_dim)
        self.layers = nn.ModuleList(nn.Linear(*pair) for pair in pairwise(widths))
        self.dropout = tuple(dropout)
        self.bounded = bounded
        self.reconstruction = nn.Linear(feature_dim, widths[0]) if reconstructs else None
        for module in self.modules():
            if isinstance(module, nn.Linear):
                init(module)

    def forward(self, text: Tensor, noise: Tensor) -> Tensor:
        """
        Args:
            text: (..., D) embedding of the name of each pixel.
            noise: (..., Z).

        Returns:
            Tensor: (..., C) features, in 0..1 if `bounded`.
        """
        x = torch.cat((text, noise), dim=-1)
        for layer, share in zip(self.layers[:-1], self.dropout, strict=True):
            x = F.dropout(F.leaky_relu(layer(x), SLOPE), share, self.training)
        x = self.layers[-1](x)
        return x.sigmoid() if self.bounded else x


class GraphConvolution(nn.Module):
    """A X W + b: what the neighbours of a node say about it, and not the node itself."""

    def __init__(self, in_dim: int, out_dim: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(in_dim, out_dim))
        self.bias = nn.Parameter(torch.full((out_dim,), 0.01))
        nn.init.xavier_uniform_(self.weight)

    def forward(self, x: Tensor, adjacency: Tensor) -> Tensor:
        """(M, in_dim) nodes and (M, M) edges -> (M, out_dim)."""
        return adjacency @ (x @ self.weight) + self.bias


class GraphGenerator(nn.Module):
    """
    ZS3Net's graph context: two graph convolutions over the regions of a label map.

    Args:
        text_dim, noise_dim, feature_dim: D, Z and C.
        hidden: width between them.
        dropout: probability there.
    """

    def __init__(
        self,
        *,
        text_dim: int,
        noise_dim: int,
        feature_dim: int,
        hidden: int = 256,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        self.noise_dim = noise_dim
        self.first = GraphConvolution(text_dim + noise_dim, hidden)
        self.second = GraphConvolution(hidden, feature_dim)
        self.dropout = dropout

    def forward(self, text: Tensor, noise: Tensor, adjacency: Tensor) -> Tensor:
        """
        Args:
            text: (M, D) of the nodes.
            noise: (M, Z).
            adjacency: (M, M) 0 or 1; see `region_graph`.

        Returns:
            Tensor: (M, C).
        """
        x = self.first(torch.cat((text, noise), dim=-1), adjacency)
        x = F.dropout(F.leaky_relu(x, SLOPE), self.dropout, self.training)
        return self.second(x, adjacency)
