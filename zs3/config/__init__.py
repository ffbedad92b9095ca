"""
Every configuration key of zs3, with its default and what it does.

Keys that Detectron2 has keep their Detectron2 names and meanings; `add_zs3_config` adds zs3's own
and sets what differs. Names of parts are the registered class names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any  # configuration values are of any type

import torch

from ..runtime.config import CfgNode as CN
from ..runtime.config import load_config
from . import (
    aggregation,
    backbone,
    cascade,
    criterion,
    data,
    defaults,
    engine,
    generation,
    grouping,
    naming,
    readout,
    refinement,
    text,
)

SECTIONS = (
    defaults,
    data,
    text,
    backbone,
    grouping,
    naming,
    cascade,
    aggregation,
    refinement,
    readout,
    criterion,
    engine,
    generation,
)


def get_config(
    config_file: str | Path | None = None,
    opts: Sequence[str] = (),
    settled: Mapping[str, Any] | None = None,
) -> CN:
    """
    Defaults, then a YAML file with its bases, then KEY VALUE pairs, then what a command has settled
    itself; frozen.

    Raises:
        ValueError, FileNotFoundError: as `load_config`, with the key, the file and the nearest
            known key.
    """
    cfg = load_config(config_file, opts, add_zs3_config, settled)
    device = cfg.MODEL.DEVICE
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise ValueError(f"MODEL.DEVICE is {device!r}, but torch finds no GPU; take auto or cpu.")
    cfg.freeze()
    return cfg


def add_zs3_config(cfg: CN) -> None:
    """Adds zs3's keys to a Detectron2 configuration, in place."""
    for section in SECTIONS:
        section.add(cfg)
