"""The weights in a file, whoever wrote it: found, read safely, and under our names."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from .families import State, family_of
from .key_map import drop
from .safe_load import safe_load, state_dict_of

# What is in a directory that training or `zs3 convert` wrote.
FINAL = "model_final.safetensors"
BEST = "model_best.safetensors"
POINTER = "last_checkpoint"
CONFIG = "config.yaml"
VOCABULARY = "vocabulary.json"


@dataclass(frozen=True)
class WeightFile:
    """
    Attributes:
        path: of the file itself.
        state: under our names; those of a backbone alone are its publisher's.
        family: who else published such files, or "".
        dropped: published keys that nobody needs, and why.
    """

    path: Path
    state: State
    family: str = ""
    dropped: dict[str, str] = field(default_factory=dict)


def weight_file(path: str | Path) -> Path:
    """
    The file that a path means: itself, or in a directory the final weights or the last checkpoint.

    Raises:
        FileNotFoundError: no such file, or a directory without either.
    """
    path = Path(path)
    if path.is_file():
        return path
    if not path.is_dir():
        raise FileNotFoundError(f"{path} is not there; expected a weight file.")
    if (path / FINAL).is_file():
        return path / FINAL
    if (path / POINTER).is_file():
        return path / (path / POINTER).read_text().strip()
    raise FileNotFoundError(f"{path} holds neither {FINAL} nor {POINTER}; name a weight file.")


def read_weights(path: str | Path, *, trust_pickle: bool = False) -> WeightFile:
    """
    Args:
        path: a weight file or checkpoint, ours or one of a published family, or a directory that
            training wrote.
        trust_pickle: see `safe_load`.

    Raises:
        FileNotFoundError, ValueError: no such file, or not readable.
    """
    path = weight_file(path)
    loaded = safe_load(path, trust_pickle=trust_pickle)
    try:
        state = state_dict_of(loaded)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    family = family_of(state)
    if family is not None:
        state, dropped = drop(state, family.dropped)
        return WeightFile(path, family.convert(state), family.name, dropped)
    if isinstance(loaded, dict) and isinstance(loaded.get("ema"), dict):
        state |= loaded["ema"]  # of our own runs: the average is what is evaluated
    return WeightFile(path, state)
