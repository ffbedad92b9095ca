"""A run in miniature: everything of a real one but the images."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from zs3.config import get_config
from zs3.engine.build import build_trainer
from zs3.engine.steps import Batch
from zs3.engine.trainer import Trainer
from zs3.runtime.config import CfgNode


class Miniature(nn.Module):
    """A model whose loss depends on dropout: a wrong random state changes the weights."""

    def __init__(self, width: int = 6) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(
            nn.Linear(4, width), nn.BatchNorm1d(width), nn.Dropout(0.3), nn.Linear(width, 3)
        )
        self.encoder = nn.Linear(3, 3)
        self.encoder.restored_from_source = True
        self.encoder.requires_grad_(False)

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        out = self.encoder(self.layers(torch.stack([sample["x"] for sample in batch])))
        return {"loss_square": out.square().mean(), "loss_far": 0.1 * (out - 1).abs().mean()}


def stream(
    batch_size: int = 4, rank: int = 0, world_size: int = 1
) -> Callable[[int], Iterator[Batch]]:
    """The contract of zs3.data.loader: sample p depends on p alone, rank r takes its share."""

    def sample(position: int) -> dict[str, Any]:
        generator = torch.Generator().manual_seed(position)
        return {"x": torch.randn(4, generator=generator), "file_name": f"{position}.png"}

    def batches(start: int) -> Iterator[Batch]:
        share = batch_size // world_size
        first = start + rank * share
        while True:
            yield [sample(position) for position in range(first, first + share)]
            first += batch_size

    return batches


def config(directory: Path, *opts: object) -> CfgNode:
    """12 iterations of 4 samples, a checkpoint every 3."""
    given = {
        "OUTPUT_DIR": directory,
        "SOLVER.MAX_ITER": 12,
        "SOLVER.IMS_PER_BATCH": 4,
        "SOLVER.CHECKPOINT_PERIOD": 3,
        "SOLVER.LOG_PERIOD": 2,
        "SOLVER.BASE_LR": 0.01,
        "TEST.EVAL_PERIOD": 5,
        **dict(zip(opts[::2], opts[1::2], strict=True)),
    }
    return get_config(None, [str(word) for pair in given.items() for word in pair])


def trainer(
    cfg: CfgNode,
    *,
    model: nn.Module | None = None,
    evaluate: Callable[[], Mapping[str, Any]] | None = None,
    loader: Callable[[int], Iterator[Batch]] | None = None,
) -> Trainer:
    random.seed(cfg.SEED)
    np.random.seed(cfg.SEED)
    torch.manual_seed(cfg.SEED)
    model = model or Miniature()
    loader = loader or stream(cfg.SOLVER.IMS_PER_BATCH)
    return build_trainer(cfg, model.train(), evaluate=evaluate, loader=loader)
