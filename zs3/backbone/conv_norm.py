"""A convolution with its normalisation, under Detectron2's parameter names."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm


class FrozenBatchNorm2d(nn.Module):
    """
    Batch normalisation whose statistics and affine parameters never change.

    y = (x - mean) / sqrt(var + eps) * weight + bias, channel by channel. All four are buffers; they
    start as the identity.
    """

    weight: Tensor
    bias: Tensor
    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps
        self.register_buffer("weight", torch.ones(channels))
        self.register_buffer("bias", torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels) - eps)

    @classmethod
    def of(cls, norm: _BatchNorm) -> FrozenBatchNorm2d:
        """A frozen copy of a BatchNorm with affine parameters and running statistics."""
        frozen = cls(norm.num_features, norm.eps).to(norm.weight.device)
        frozen.load_state_dict({name: getattr(norm, name).detach() for name in frozen.state_dict()})
        return frozen

    def forward(self, x: Tensor) -> Tensor:
        if not x.requires_grad:  # One operation; with gradients it would remember x for nothing.
            statistics = self.running_mean, self.running_var
            return F.batch_norm(x, *statistics, self.weight, self.bias, eps=self.eps)
        scale = self.weight * (self.running_var + self.eps).rsqrt()
        shift = self.bias - self.running_mean * scale
        return torch.addcmul(shift.to(x.dtype)[:, None, None], x, scale.to(x.dtype)[:, None, None])


def build_norm(name: str, channels: int) -> nn.Module | None:
    """
    Normalisation by its Detectron2 name: "FrozenBN", "BN", "SyncBN", "GN" (32 groups), "" for none.

    "SyncBN" shares statistics between the GPUs of a distributed run; anywhere else it is "BN".

    Raises:
        ValueError: another name.
    """
    if not name:
        return None
    if name == "SyncBN" and torch.cuda.is_available() and dist.is_initialized():
        return nn.SyncBatchNorm(channels)
    if name in ("BN", "SyncBN"):
        return nn.BatchNorm2d(channels)
    if name == "FrozenBN":
        return FrozenBatchNorm2d(channels)
    if name == "GN":
        return nn.GroupNorm(32, channels)
    raise ValueError(
        f'no norm is called {name!r}; there are "FrozenBN", "BN", "SyncBN", "GN", and "" for none.'
    )


class ConvNorm(nn.Conv2d):
    """
    A convolution, then a normalisation that is its child: keys are `weight` and `norm.*`.

    Args:
        norm: as `build_norm`. The convolution has a bias only if there is none.
        options: of nn.Conv2d.
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int, *, norm: str, **options: Any
    ) -> None:  # Any: options differ in type
        super().__init__(in_channels, out_channels, kernel_size, bias=not norm, **options)
        self.norm = build_norm(norm, out_channels)

    def forward(self, x: Tensor) -> Tensor:
        x = super().forward(x)
        return x if self.norm is None else self.norm(x)


def freeze(module: nn.Module) -> None:
    """Stops all training inside a module, in place; its BatchNorms keep their statistics."""
    module.requires_grad_(False)
    for parent in list(module.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, _BatchNorm):
                setattr(parent, name, FrozenBatchNorm2d.of(child))
