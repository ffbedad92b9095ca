"""
CaGNetv2's PixelCNN (arXiv 2009.12232): which labels are likely beside which, in small blocks.

Pixels of a block are predicted in raster order, each from those before it (van den Oord et al.,
arXiv 1606.05328). Shapes: M blocks of side k, D text, K classes.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class MaskedConv2d(nn.Conv2d):
    """
    A convolution that sees only what comes before a pixel in raster order.

    Args:
        sees_itself: the pixel, too.
    """

    mask: Tensor

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int, *, sees_itself: bool
    ) -> None:
        super().__init__(in_channels, out_channels, kernel, padding=kernel // 2, bias=False)
        before = torch.arange(kernel * kernel) < kernel * kernel // 2 + sees_itself
        mask = before.view(kernel, kernel).to(self.weight.dtype)
        self.register_buffer("mask", mask.expand_as(self.weight).clone())

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight * self.mask, padding=self.padding)


class MaskedLayer(nn.Module):
    """Masked convolution, BatchNorm and ReLU, plus what the condition adds to every pixel."""

    def __init__(
        self, in_dim: int, width: int, kernel: int, *, text_dim: int, sees_itself: bool
    ) -> None:
        super().__init__()
        self.conv = MaskedConv2d(in_dim, width, kernel, sees_itself=sees_itself)
        self.norm = nn.BatchNorm2d(width)
        self.condition = nn.Parameter(torch.empty(text_dim, width))
        nn.init.xavier_uniform_(self.condition)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """(M, C, k, k) and (M, k, k, D) -> (M, width, k, k)."""
        added = (condition @ self.condition).permute(0, 3, 1, 2)
        return self.norm(self.conv(x)).relu() + added


class PixelCNN(nn.Module):
    """
    Args:
        text_dim: D.
        num_classes: K.
        width: of the layers.
        kernel: side of the masked convolutions.
        dropout: probability behind each of them; published: 0, but 0.5 behind the last two of eight
            (kernel 7) and of four (blocks of 5 and 7).
    """

    def __init__(
        self,
        *,
        text_dim: int,
        num_classes: int,
        kernel: int = 7,
        width: int = 64,
        dropout: Sequence[float] = (0, 0, 0, 0, 0, 0, 0.5, 0.5),
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            MaskedLayer(
                width if i else text_dim, width, kernel, text_dim=text_dim, sees_itself=i > 0
            )
            for i in range(len(dropout))
        )
        self.dropout = tuple(dropout)
        self.classifier = nn.Conv2d(width, num_classes, 1)

    def forward(self, blocks: Tensor, condition: Tensor) -> Tensor:
        """
        Args:
            blocks, condition: (M, k, k, D) text of each pixel's label, and of what is wanted there.

        Returns:
            Tensor: (M, K, k, k) logits of each pixel's label.
        """
        x = blocks.permute(0, 3, 1, 2)
        for layer, share in zip(self.layers, self.dropout, strict=True):
            x = F.dropout(layer(x, condition), share, self.training)
        return self.classifier(x)


@torch.no_grad()
def sample_blocks(
    network: PixelCNN,
    text: Tensor,
    wanted: Tensor,
    draws: Tensor,
    *,
    side: int,
    given: int,
    is_unseen: Tensor,
    top: float = 1.0,
    bonus: float = 0.0,
) -> Tensor:
    """
    Blocks of labels, pixel by pixel.

    Args:
        text: (K, D).
        wanted: (M,) class of each block's condition and of its first pixels.
        draws: (M, side * side) uniform in 0..1; each decides the pixel of its column.
        given: how many first pixels are the wanted class.
        is_unseen: (K,) bool.
        top: share of the classes, the likeliest ones, that may be drawn.
        bonus: added to the probabilities of unseen classes, divided among all K.

    Returns:
        Tensor: (M, side, side) int64.
    """
    K, M = len(text), len(wanted)
    kept = int(K * top)
    labels = wanted[:, None].repeat(1, side * side)
    condition = text[labels].unflatten(1, (side, side))
    for pixel in range(given, side * side):
        drawn = text[labels].unflatten(1, (side, side))
        logits = network(drawn, condition).flatten(2)[..., pixel]
        probabilities = logits.softmax(1) + is_unseen * (bonus / K)
        best, classes = probabilities.topk(kept, dim=1)
        # A softmax over probabilities, as published: it is far flatter than they are.
        cumulative = best.softmax(1).cumsum(1)
        place = (cumulative < draws[:, pixel, None]).sum(1).clamp(max=kept - 1)
        labels[:, pixel] = classes[torch.arange(M, device=classes.device), place]
    return labels.unflatten(1, (side, side))
