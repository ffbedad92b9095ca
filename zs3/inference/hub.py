"""Models of the Hugging Face hub."""

from __future__ import annotations

import re
from pathlib import Path

from ..checkpoints.weight_file import CONFIG, FINAL, VOCABULARY

PREFIX = "hub:"


def hub_name(source: str | Path) -> str | None:
    """
    "owner/name" of "hub:owner/name", or of itself if there is no such file or folder here; None if
    it is something else.
    """
    text = str(source)
    if text.startswith(PREFIX):
        return text.removeprefix(PREFIX)
    could_be = re.fullmatch(r"[\w.-]+/[\w.-]+", text) and not text.endswith((".yaml", ".yml"))
    return text if could_be and not Path(text).exists() else None


def fetch(name: str) -> Path:
    """
    The folder with a model's configuration, weights and vocabulary, downloaded once and kept in the
    hub's own cache.

    Raises:
        FileNotFoundError: it cannot be had, or is no model of zs3.
    """
    from huggingface_hub import snapshot_download

    try:
        folder = Path(snapshot_download(name, allow_patterns=[CONFIG, FINAL, VOCABULARY]))
    except Exception as error:  # of the hub's client, the network or the disk
        reason = (str(error) or type(error).__name__).strip().splitlines()[0]
        raise FileNotFoundError(
            f"{name!r} is no folder or file here, and cannot be had from the Hugging Face hub: "
            f"{reason}"
        ) from error
    missing = [file for file in (CONFIG, FINAL) if not (folder / file).exists()]
    if missing:
        raise FileNotFoundError(
            f"{name!r} on the Hugging Face hub is no model of zs3: it lacks {' and '.join(missing)}"
            ", which train_net.py writes."
        )
    return folder
