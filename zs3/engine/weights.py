"""
A model's weights on disk, without what comes from elsewhere anyway.

A module with the attribute `restored_from_source = True` (a frozen pretrained encoder) was given
its weights when it was built: they are neither written nor expected.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any  # descriptions are JSON

from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor, nn

from ..checkpoints.safe_load import safe_load, state_dict_of
from ..files import write_atomically

logger = logging.getLogger(__name__)

State = dict[str, Tensor]
FINAL = "model_final.safetensors"
BEST = "model_best.safetensors"
POINTER = "last_checkpoint"


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


def load_state(
    model: nn.Module, state: Mapping[str, Tensor], *, allow_partial: bool = False, source: str = ""
) -> list[str]:
    """
    Copies weights into a model.

    Args:
        allow_partial: load what fits, and warn about the rest.
        source: where they come from, for messages.

    Returns:
        list[str]: one line for each key that is missing, unexpected or of another shape.

    Raises:
        ValueError: there is such a key, and that is not allowed; or nothing fits.
    """
    expected = own_state(model)
    given = {k: v for k, v in state.items() if not k.startswith(_restored_prefixes(model))}
    fitting = {k: v for k, v in given.items() if k in expected and v.shape == expected[k].shape}
    problems = [f"missing: {key} {_shape(expected[key])}" for key in expected if key not in given]
    problems += [f"unexpected: {key} {_shape(given[key])}" for key in given if key not in expected]
    problems += [
        f"of another shape: {key} {_shape(given[key])}, but the model has {_shape(expected[key])}"
        for key in given
        if key in expected and key not in fitting
    ]
    report = "\n  ".join(problems)
    if not fitting:
        raise ValueError(f"{source or 'the state'} has no weight that fits the model:\n  {report}")
    if problems and not allow_partial:
        raise ValueError(
            f"{source or 'the state'} does not fit the model:\n  {report}\n"
            "Take the configuration it was trained with, or --allow-partial."
        )
    if problems:
        logger.warning("%s fits in part only:\n  %s", source or "the state", report)
    model.load_state_dict(fitting, strict=False)
    return problems


def load_weights(
    model: nn.Module,
    path: str | Path,
    *,
    convert: Callable[[State], State] = dict,
    allow_partial: bool = False,
    trust_pickle: bool = False,
) -> list[str]:
    """
    Loads MODEL.WEIGHTS.

    Args:
        path: a weight file or checkpoint, or a directory that training wrote.
        convert: from the file's keys to the model's.
        allow_partial, trust_pickle: see `load_state` and `safe_load`.

    Returns:
        list[str]: what did not fit, as `load_state` says it.

    Raises:
        FileNotFoundError, ValueError: no such file, not readable, or it does not fit.
    """
    path = weight_file(path)
    loaded = safe_load(path, trust_pickle=trust_pickle)
    state = state_dict_of(loaded)
    if isinstance(loaded, dict) and isinstance(loaded.get("ema"), dict):
        state |= loaded["ema"]
    return load_state(model, convert(state), allow_partial=allow_partial, source=str(path))


def weight_file(path: str | Path) -> Path:
    """
    The file that a path means: itself, or in a directory the final weights or the last checkpoint.

    Raises:
        FileNotFoundError: a directory without either.
    """
    path = Path(path)
    if not path.is_dir():
        return path
    if (path / FINAL).is_file():
        return path / FINAL
    if (path / POINTER).is_file():
        return path / (path / POINTER).read_text().strip()
    raise FileNotFoundError(f"{path} holds neither {FINAL} nor {POINTER}; name a weight file.")


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


def _shape(tensor: Tensor) -> str:
    return str(tuple(tensor.shape))
