"""CaGNet's contextual module (Gu et al., ACM MM 2020, section 3.2): surroundings as a code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ..resize import resize


@dataclass(frozen=True)
class Context:
    """
    Attributes:
        features: (B, D, h, w) in 0..1, maps as their context weighs them.
        code: (B, D, h, w), drawn from a normal distribution in training, else its mean.
        mean, log_variance: (B, D, h, w) of that distribution; the latter is never negative.
    """

    features: Tensor
    code: Tensor
    mean: Tensor
    log_variance: Tensor


class ContextualModule(nn.Module):
    """
    Three convolutions of growing reach, weighed against each other pixel by pixel, give the latent
    code z; features are sigmoid(a + a * sigmoid(z)).

    Args:
        dim: width D of the maps.
        context_dim: width of the three convolutions.
        with_selector: weigh them; the first published version did not.
        pool_padding: of the 1x1 convolution behind them; 1 in the first published version, whose
            code is a grid two cells larger, resized.
    """

    def __init__(
        self,
        *,
        dim: int,
        context_dim: int = 256,
        with_selector: bool = True,
        pool_padding: int = 0,
    ) -> None:
        super().__init__()

        def conv(in_channels: int, out_channels: int, reach: int = 1) -> nn.Conv2d:
            options: dict[str, Any] = {"padding": reach, "dilation": reach, "bias": False}
            return nn.Conv2d(in_channels, out_channels, 3, **options)

        C = context_dim
        self.levels = nn.ModuleList([conv(dim, C), conv(C, C, 2), conv(C, C, 5)])
        self.selector = conv(3 * C, 3)
        self.pool = nn.Conv2d(3 * C, dim, 1, padding=pool_padding, bias=False)
        self.mean = conv(dim, dim)
        self.log_variance = conv(dim, dim)
        self.with_selector = with_selector
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)

    def forward(self, maps: Tensor) -> Context:
        """(B, D, h, w), any scale -> their context."""
        x, levels = maps.sigmoid(), []
        for level in self.levels:
            x = level(x).relu()
            levels.append(x)
        joined = torch.cat(levels, dim=1)
        if self.with_selector:
            # One weight a pixel and level, in 0.5..1: the published selector ends in a ReLU.
            weights = self.selector(joined).relu().sigmoid()
            joined = torch.cat([w * x for w, x in zip(weights.split(1, 1), levels, strict=True)], 1)
        pooled = self.pool(joined).relu()
        size = (maps.shape[2], maps.shape[3])
        mean = resize(self.mean(pooled), size)
        log_variance = resize(self.log_variance(pooled).relu(), size)
        code = mean
        if self.training:
            code = mean + (log_variance / 2).exp() * torch.randn_like(mean)
        return Context((maps + maps * code.sigmoid()).sigmoid(), code, mean, log_variance)


def code_divergence(mean: Tensor, log_variance: Tensor, labelled: Tensor) -> Tensor:
    """
    KL divergence of the code's distribution from the standard normal one, averaged over channels
    and labelled pixels; 0 if there are none.

    Args:
        mean, log_variance: (..., D).
        labelled: (...) bool.
    """
    divergence = (mean.square() + log_variance.exp() - 1 - log_variance).mean(-1) / 2
    return (divergence * labelled).sum() / labelled.sum().clamp(min=1)
