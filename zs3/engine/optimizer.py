"""Which parameters are trained, with which learning rate and weight decay."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from typing import Any  # the values of optimizer options

from torch import nn
from torch.nn import Parameter
from torch.optim import SGD, AdamW, Optimizer

from ..runtime.config import CfgNode

logger = logging.getLogger(__name__)

_NORMS = (
    nn.modules.batchnorm._NormBase,  # batch and instance norms of all dimensions
    nn.GroupNorm,
    nn.LayerNorm,
    nn.RMSNorm,
)
# Swin's position tables, which never decay.
_NO_DECAY = ("relative_position_bias_table", "absolute_pos_embed")


def freeze(model: nn.Module, patterns: Sequence[str]) -> list[str]:
    """
    Stops the training of every parameter whose name matches a pattern (from the name's start).

    Returns:
        list[str]: the names of the parameters concerned.

    Raises:
        ValueError: a pattern that matches no parameter.
    """
    frozen: dict[str, None] = {}
    for pattern in patterns:
        matching = {n: p for n, p in model.named_parameters() if re.match(pattern, n)}
        if not matching:
            roots = sorted({name.split(".")[0] for name, _ in model.named_parameters()})
            raise ValueError(
                f"MODEL.FREEZE: {pattern!r} matches no parameter; their names start with {roots}."
            )
        for name, parameter in matching.items():
            parameter.requires_grad = False
            frozen[name] = None
    return list(frozen)


def parameter_groups(
    model: nn.Module,
    *,
    lr: float,
    weight_decay: float,
    weight_decay_norm: float,
    weight_decay_embed: float,
    weight_decay_bias: float | None = None,
    lr_multipliers: Sequence[tuple[str, float]] = (),
) -> list[dict[str, Any]]:
    """
    The trained parameters in the order of the modules; those of equal options share a group.

    Args:
        weight_decay: of everything but norm layers and embeddings, which have their own.
        weight_decay_bias: of biases outside norm layers; None for that of everything.
        lr_multipliers: (pattern, factor): the first pattern found in a name scales its rate.

    Returns:
        list[dict]: "params" as (name, parameter) pairs, "lr", "weight_decay".

    Raises:
        ValueError: nothing is trained.
    """
    groups: dict[tuple[float, float], dict[str, Any]] = {}
    for name, parameter, module in _trained(model):
        decay = weight_decay
        if isinstance(module, _NORMS):
            decay = weight_decay_norm
        elif isinstance(module, nn.Embedding):
            decay = weight_decay_embed
        elif name.endswith("bias") and weight_decay_bias is not None:
            decay = weight_decay_bias
        if name.endswith(_NO_DECAY):
            decay = 0.0
        rate = lr * next((by for pattern, by in lr_multipliers if re.search(pattern, name)), 1.0)
        empty: dict[str, Any] = {"params": [], "lr": rate, "weight_decay": decay}
        groups.setdefault((rate, decay), empty)["params"].append((name, parameter))
    if not groups:
        raise ValueError("no parameter is trained; MODEL.FREEZE leaves nothing to optimise.")
    return list(groups.values())


def build_optimizer(cfg: CfgNode, model: nn.Module) -> Optimizer:
    """
    AdamW or SGD with momentum over `parameter_groups`, as SOLVER says.

    Raises:
        ValueError: another optimizer.
    """
    solver = cfg.SOLVER
    groups = parameter_groups(
        model,
        lr=solver.BASE_LR,
        weight_decay=solver.WEIGHT_DECAY,
        weight_decay_norm=solver.WEIGHT_DECAY_NORM,
        weight_decay_embed=solver.WEIGHT_DECAY_EMBED,
        weight_decay_bias=solver.WEIGHT_DECAY_BIAS,
        lr_multipliers=solver.LR_MULTIPLIERS,
    )
    for group in groups:
        count = sum(parameter.numel() for _, parameter in group["params"])
        options = f"lr {group['lr']:g}, weight decay {group['weight_decay']:g}"
        logger.info("%d tensors, %d numbers: %s", len(group["params"]), count, options)
    # Fused: one pass over the numbers, not one for each operation.
    if solver.OPTIMIZER == "AdamW":
        return AdamW(groups, lr=solver.BASE_LR, fused=True)
    if solver.OPTIMIZER == "SGD":
        return SGD(groups, lr=solver.BASE_LR, momentum=solver.MOMENTUM, fused=True)
    raise ValueError(f'SOLVER.OPTIMIZER is {solver.OPTIMIZER!r}; expected "AdamW" or "SGD".')


class OptimizerState:
    """What an optimizer remembers, as a part of a checkpoint; its options stay its own."""

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer = optimizer

    def state_dict(self) -> dict[str, Any]:
        return self.optimizer.state_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Raises ValueError for other groups of parameters."""
        groups = self.optimizer.param_groups
        options = [{k: v for k, v in group.items() if k != "params"} for group in groups]
        self.optimizer.load_state_dict(state_dict)
        for group, own in zip(self.optimizer.param_groups, options, strict=True):
            group.update(own)


def _trained(model: nn.Module) -> Iterator[tuple[str, Parameter, nn.Module]]:
    """Name, parameter and owner of each trained parameter, once, in the order of the modules."""
    seen: set[Parameter] = set()
    for prefix, module in model.named_modules():
        for name, parameter in module.named_parameters(recurse=False):
            if parameter.requires_grad and parameter not in seen:
                seen.add(parameter)
                yield (f"{prefix}.{name}" if prefix else name), parameter, module
