"""
How large a model is: its parameters, and the multiply-adds of a step.

torch's counter runs the step and sees every operation, attention kernels included. Units are those
of fvcore, by which papers count: a multiply-add is one, a normalised number costs 5 (2 where the
statistics are fixed, 1 less without weights), a bilinearly interpolated one 4. Fused attention,
which fvcore leaves out, is counted as its two matrix products. Element-wise functions are not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any  # what operations are called with

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from .bench import Bench
from .laps import Lap, total
from .stages import Part, StageMeter


@dataclass(frozen=True)
class Parameters:
    """How many numbers a part holds, and how many of them are trained."""

    total: int
    trained: int


@dataclass(frozen=True)
class MultiplyAdds:
    """
    Attributes:
        by_stage: of the step; they add up.
        not_counted: operations without a count, by how often they ran.
    """

    by_stage: Lap
    not_counted: dict[str, int]


@dataclass(frozen=True)
class ModelSize:
    """
    Attributes:
        classes: names that are asked for.
        parameters: by part.
        step: of a batch, whose names are embedded already if the text encoder is frozen.
        prompt: multiply-adds of embedding one prompt; 0 for tables of embeddings.
        prompts: how many the names are.
    """

    classes: int
    parameters: dict[str, Parameters]
    step: MultiplyAdds
    prompt: float
    prompts: int


def model_size(bench: Bench) -> ModelSize:
    """Runs a step of the bench, and embeds a prompt."""
    encoder, prompt = bench.model.text.encoder, 0.0
    if encoder.reads_templates:
        with torch.no_grad():
            prompt = total(count_multiply_adds(lambda: encoder(["a"])).by_stage)
    return ModelSize(
        len(bench.vocabulary),
        count_parameters(bench.model),
        count_multiply_adds(bench.step, bench.parts),
        prompt,
        bench.prompts,
    )


def count_parameters(model: nn.Module) -> dict[str, Parameters]:
    """By the model's direct children, each once; CLIP's image tower apart from its text tower."""
    held: Counter[str] = Counter()
    trained: Counter[str] = Counter()
    for name, parameter in model.named_parameters():
        part = name.partition(".")[0]
        if part == "text" and ".visual." in name:
            part = "CLIP's image tower"
        held[part] += parameter.numel()
        trained[part] += parameter.numel() * parameter.requires_grad
    return {part: Parameters(held[part], trained[part]) for part in held}


def count_multiply_adds(step: Callable[[], object], parts: Sequence[Part] = ()) -> MultiplyAdds:
    """
    Runs a step once.

    Args:
        parts: to be told apart, see `StageMeter`.
    """
    counter = _Counter()
    # torch counts two operations a multiply-add.
    meter = StageMeter(lambda: counter.operations, lambda start, stop: (stop - start) // 2)
    fused = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # one operation that nobody could count
    try:
        with counter, meter.watching(parts):
            by_stage = meter.lap(step)
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)
    return MultiplyAdds(by_stage, dict(counter.not_counted.most_common()))


class _Counter(TorchDispatchMode):
    """Sees every operation; what is made of others is taken apart first."""

    def __init__(self) -> None:
        super().__init__()
        self.operations = 0
        self.not_counted: Counter[str] = Counter()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs, operation = kwargs or {}, func.overloadpacket
        if operation not in _RULES:
            with self:
                out = func.decompose(*args, **kwargs)
            if out is not NotImplemented:
                return out
        out = func(*args, **kwargs)
        if operation in _RULES:
            self.operations += _RULES[operation](*args, **kwargs, out_val=out)
        # What reads or returns no fractions compares, indexes or makes.
        elif not func.is_view and _has_fractions(args) and _has_fractions(out):
            pointwise = torch.Tag.pointwise in func.tags
            self.not_counted["element-wise" if pointwise else operation.__name__] += 1
        return out


def _has_fractions(values: Any) -> bool:
    return any(isinstance(v, Tensor) and v.is_floating_point() for v in tree_leaves(values))


Rule = Callable[..., int]  # (arguments of the operation, out_val=its result) -> operations


def _norm(x: Tensor, weight: Tensor | None) -> int:
    return 2 * x.numel() * (4 if weight is None else 5)


def _batch_norm(
    x: Tensor,
    weight: Tensor | None,
    bias: Any,
    mean: Any,
    var: Any,
    training: bool,
    *_: Any,
    **__: Any,
) -> int:
    return _norm(x, weight) if training else 2 * x.numel() * (1 if weight is None else 2)


def _a_result(cost: int) -> Rule:
    return lambda *_, out_val, **__: 2 * cost * out_val.numel()


_aten = torch.ops.aten
_RULES: dict[Any, Rule] = {
    **flop_registry,
    _aten.mv: lambda matrix, *_, **__: 2 * matrix.numel(),
    _aten.native_layer_norm: lambda x, size, weight, *_, **__: _norm(x, weight),
    _aten.native_group_norm: lambda x, weight, *_, **__: _norm(x, weight),
    _aten.native_batch_norm: _batch_norm,
    _aten.cudnn_batch_norm: _batch_norm,
    _aten._adaptive_avg_pool2d: lambda x, *_, **__: 2 * x.numel(),
    _aten.upsample_nearest2d: _a_result(1),
    _aten.upsample_bilinear2d: _a_result(4),
    _aten.grid_sampler_2d: _a_result(4),
}
