"""The state of every random generator a run draws from, as plain values and tensors."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any  # the generators' states are of their own types

import numpy as np
import torch


def random_state() -> dict[str, Any]:
    """What `set_random_state` takes. Of numpy's, the legacy global generator."""
    kind, keys, *rest = np.random.get_state()
    return {
        "python": random.getstate(),
        # As a tensor: then the file is readable with weights_only.
        "numpy": (kind, torch.from_numpy(np.asarray(keys, np.int64)), *rest),
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state() if torch.cuda.is_initialized() else None,
    }


def set_random_state(state: dict[str, Any]) -> None:
    """Every generator goes on as it would have from that state."""
    version, internal, following = state["python"]
    random.setstate((version, tuple(internal), following))
    kind, keys, *rest = state["numpy"]
    np.random.set_state((kind, keys.numpy().astype(np.uint32), *rest))
    torch.set_rng_state(state["torch"])
    if state["cuda"] is not None and torch.cuda.is_available():
        torch.cuda.set_rng_state(state["cuda"])


@contextmanager
def undisturbed() -> Iterator[None]:
    """Whatever is drawn inside, what is drawn afterwards stays the same."""
    state = random_state()
    try:
        yield
    finally:
        set_random_state(state)
