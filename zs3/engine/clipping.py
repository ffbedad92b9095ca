"""Limits on gradients before a step."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor
from torch.nn import Parameter
from torch.nn.utils import clip_grad_norm_, clip_grad_value_, clip_grads_with_norm_, get_total_norm

from ..runtime.config import CfgNode

# Changes gradients in place; gives their norm before that.
Clipping = Callable[[Sequence[Parameter]], Tensor]


def no_clipping(parameters: Sequence[Parameter]) -> Tensor:
    """Leaves gradients alone."""
    return get_total_norm(_gradients(parameters))


def clip_full_model(max_norm: float, norm_type: float = 2.0) -> Clipping:
    """Scales all gradients by one number, so that the norm of all of them together is bounded."""

    def clip(parameters: Sequence[Parameter]) -> Tensor:
        norm = get_total_norm(_gradients(parameters), norm_type)
        clip_grads_with_norm_(parameters, max_norm, norm)
        return norm

    return clip


def clip_each_norm(max_norm: float, norm_type: float = 2.0) -> Clipping:
    """Bounds the norm of every parameter's gradient by itself."""

    def clip(parameters: Sequence[Parameter]) -> Tensor:
        norm = no_clipping(parameters)
        for parameter in parameters:
            clip_grad_norm_(parameter, max_norm, norm_type)
        return norm

    return clip


def clip_each_value(max_value: float) -> Clipping:
    """Clamps every number of every gradient."""

    def clip(parameters: Sequence[Parameter]) -> Tensor:
        norm = no_clipping(parameters)
        clip_grad_value_(parameters, max_value)
        return norm

    return clip


def build_clipping(cfg: CfgNode) -> Clipping:
    """
    What SOLVER.CLIP_GRADIENTS describes; CLIP_TYPE "value" and "norm" as in Detectron2.

    Raises:
        ValueError: another type.
    """
    options = cfg.SOLVER.CLIP_GRADIENTS
    if not options.ENABLED:
        return no_clipping
    if options.CLIP_TYPE == "full_model":
        return clip_full_model(options.CLIP_VALUE, options.NORM_TYPE)
    if options.CLIP_TYPE == "norm":
        return clip_each_norm(options.CLIP_VALUE, options.NORM_TYPE)
    if options.CLIP_TYPE == "value":
        return clip_each_value(options.CLIP_VALUE)
    raise ValueError(
        f"SOLVER.CLIP_GRADIENTS.CLIP_TYPE is {options.CLIP_TYPE!r}; "
        'expected "value", "norm" or "full_model".'
    )


def _gradients(parameters: Sequence[Parameter]) -> list[Tensor]:
    return [parameter.grad for parameter in parameters if parameter.grad is not None]
