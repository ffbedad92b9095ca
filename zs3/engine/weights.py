"""
A model's weights on disk, without what comes from elsewhere anyway.

A module with the attribute `restored_from_source = True` (a frozen pretrained encoder) was given
its weights when it was built: they are neither written nor expected.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any  # descriptions are JSON

from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor, nn

from ..checkpoints.weight_file import read_weights
from ..files import write_atomically

logger = logging.getLogger(__name__)

State = dict[str, Tensor]
# Keys that a file lacks, or has and the model does not: what that tends to mean.
_HINTS = {
    r"missing: text\.encoder\.": (
        "The file brings no CLIP: name its weights in MODEL.CLIP.PRETRAINED. A CLIP that is to be "
        "trained further starts from those with --allow-partial."
    ),
    r"unexpected: backbone\.stem\.conv2\.": (
        "Its ResNet has a stem of three convolutions: MODEL.RESNETS.STEM_TYPE deeplab."
    ),
    r"unexpected: naming\.linear\.": (
        "Its classifier is for classes of its own: MODEL.NAMING.NAME Linear takes it, with as many "
        "NUM_CLASSES as it has rows less one. For its proposals alone, --allow-partial."
    ),
    r"unexpected: (stem\.|conv1[._]|patch_embed\.|features\.)": (
        "Weights of a backbone alone are named in MODEL.BACKBONE.WEIGHTS."
    ),
}


class Weights:
    """A model's weights as a part of a checkpoint."""

    def __init__(self, model: nn.Module) -> None:
        self.model = model

    def state_dict(self) -> State:
        return own_state(self.model)

    def load_state_dict(self, state_dict: Mapping[str, Tensor]) -> None:
        load_state(self.model, state_dict, source="the checkpoint")


def own_state(model: nn.Module) -> State:
    """The state dict without modules that are restored from their source."""
    elsewhere = _restored_prefixes(model)
    return {k: v for k, v in model.state_dict().items() if not k.startswith(elsewhere)}


@dataclass(frozen=True)
class Fit:
    """
    A state beside a model, key by key.

    Attributes:
        matched: what the model takes, by key.
        elsewhere: keys of the state that the model has from their source.
        missing, unexpected: shapes of what only the model has, and of what only the state has.
        mismatched: shapes of both, the state's first.
    """

    matched: State
    elsewhere: tuple[str, ...]
    missing: dict[str, tuple[int, ...]]
    unexpected: dict[str, tuple[int, ...]]
    mismatched: dict[str, tuple[tuple[int, ...], tuple[int, ...]]]

    @classmethod
    def of(cls, model: nn.Module, state: Mapping[str, Tensor]) -> Fit:
        ours = {key: tuple(value.shape) for key, value in own_state(model).items()}
        theirs = {key: tuple(value.shape) for key, value in state.items()}
        restored = _restored_prefixes(model)
        elsewhere = tuple(key for key in state if key.startswith(restored))
        both = [key for key in state if key in ours]
        return cls(
            {key: state[key] for key in both if ours[key] == theirs[key]},
            elsewhere,
            {key: shape for key, shape in ours.items() if key not in theirs},
            {k: s for k, s in theirs.items() if k not in ours and k not in elsewhere},
            {key: (theirs[key], ours[key]) for key in both if ours[key] != theirs[key]},
        )

    @property
    def problems(self) -> list[str]:
        """One line for each key that is missing, unexpected or of another shape."""
        return [
            *(f"missing: {key} {shape}" for key, shape in self.missing.items()),
            *(f"unexpected: {key} {shape}" for key, shape in self.unexpected.items()),
            *(
                f"of another shape: {key} {theirs}, but the model has {ours}"
                for key, (theirs, ours) in self.mismatched.items()
            ),
        ]

    @property
    def advice(self) -> str:
        """What to do about the problems."""
        hints = [
            hint
            for sign, hint in _HINTS.items()
            if any(re.match(sign, problem) for problem in self.problems)
        ]
        return " ".join(
            hints or ["Take the configuration it was trained with, or --allow-partial."]
        )


def load_state(
    model: nn.Module, state: Mapping[str, Tensor], *, allow_partial: bool = False, source: str = ""
) -> Fit:
    """
    Copies weights into a model.

    Args:
        allow_partial: load what fits, and warn about the rest.
        source: where they come from, for messages.

    Raises:
        ValueError: a key is missing, unexpected or of another shape, and that is not allowed; or
            nothing fits.
    """
    fit = Fit.of(model, state)
    report = "\n  ".join(fit.problems)
    source = source or "the state"
    if not fit.matched:
        raise ValueError(f"{source} has no weight that fits the model:\n  {report}\n{fit.advice}")
    if fit.problems and not allow_partial:
        raise ValueError(f"{source} does not fit the model:\n  {report}\n{fit.advice}")
    if fit.problems:
        logger.warning("%s fits in part only:\n  %s", source, report)
    model.load_state_dict(fit.matched, strict=False)
    return fit


def load_weights(
    model: nn.Module,
    path: str | Path,
    *,
    allow_partial: bool = False,
    trust_pickle: bool = False,
) -> Fit:
    """
    Loads MODEL.WEIGHTS.

    Args:
        path: a weight file or checkpoint, ours or a published one, or a directory that training
            wrote.
        allow_partial, trust_pickle: see `load_state` and `safe_load`.

    Raises:
        FileNotFoundError, ValueError: no such file, not readable, or it does not fit.
    """
    file = read_weights(path, trust_pickle=trust_pickle)
    for reason in dict.fromkeys(file.dropped.values()):
        logger.info("%s: left out %s", file.path, reason)
    return load_state(model, file.state, allow_partial=allow_partial, source=str(file.path))


def export_weights(model: nn.Module, path: Path, description: Mapping[str, Any]) -> None:
    """
    Writes the weights alone, as safetensors.

    Args:
        description: what to tell about them; `describe` reads it back.
    """
    # Cloned: safetensors refuses tensors that share memory, as tied weights do.
    state = {k: v.detach().cpu().contiguous().clone() for k, v in own_state(model).items()}
    data = save(state, metadata={"zs3": json.dumps(dict(description), sort_keys=True)})
    write_atomically(path, data)


def describe(path: Path) -> dict[str, Any]:
    """What `export_weights` was told about a file."""
    with safe_open(path, "pt") as file:
        return json.loads((file.metadata() or {}).get("zs3", "{}"))


def _restored_prefixes(model: nn.Module) -> tuple[str, ...]:
    modules = model.named_modules()
    return tuple(f"{name}." for name, m in modules if getattr(m, "restored_from_source", False))
