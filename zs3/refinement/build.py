"""Refiners from a configuration."""

from __future__ import annotations

from torch import nn

from ..registry import REFINER_REGISTRY
from ..runtime.config import CfgNode
from ..text import TextBank
from .seen_bias import SeenBias


def build_refiners(cfg: CfgNode, text: TextBank) -> tuple[list[nn.Module], SeenBias]:
    """
    The parts MODEL.REFINERS names, as a readout wants them.

    Args:
        text: the model's text bank, whose encoder refiners may share.

    Returns:
        the refiners in order, and apart from them the bias, which acts on finished maps and is 0
        if it is not among them.

    Raises:
        ValueError: SeenBias in front of another refiner, or a gamma without it.
    """
    names = list(cfg.MODEL.REFINERS)
    if "SeenBias" in names[:-1]:
        raise ValueError(
            f"SeenBias acts on finished score maps: it must be the last of MODEL.REFINERS, "
            f"but they are {names}."
        )
    gamma = cfg.MODEL.SEEN_BIAS.GAMMA
    if gamma and "SeenBias" not in names:
        raise ValueError(
            f"MODEL.SEEN_BIAS.GAMMA is {gamma}, but MODEL.REFINERS, {names}, has no SeenBias; "
            "add it as the last."
        )
    refiners = [REFINER_REGISTRY.get(name)(cfg, text) for name in names]
    return refiners, refiners.pop() if "SeenBias" in names else SeenBias(gamma=0.0)
