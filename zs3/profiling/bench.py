"""A model on the bench: built as a workload says, with images and names to work on."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any  # Detectron2's input dicts; configuration values
from unittest.mock import patch

import cv2
import torch
from torch import Tensor

from ..checkpoints.weight_file import weight_file
from ..config import get_config
from ..data import register_datasets, vocabulary_of
from ..data.shapes import draw_scene
from ..engine.build import build_trainer
from ..engine.optimizer import freeze
from ..engine.weights import load_weights
from ..environment import in_words
from ..runtime.config import CfgNode
from ..runtime.modeling import build_model
from ..segmentor import ZeroShotSegmentor
from ..text import TextBank
from ..vocabulary import Vocabulary
from .laps import Lap, total
from .memory import peak_growth
from .stages import StageMeter, model_parts, step_parts
from .workload import Workload

_NO_WEIGHTS = {
    "MODEL.WEIGHTS": "",
    "MODEL.CLIP.PRETRAINED": "",
    "MODEL.BACKBONE.WEIGHTS": "",
    "MODEL.TIMM.PRETRAINED": False,
}
# The masks of an untrained model say nothing about how many CLIP would be asked about: it is asked
# about all, which costs most. Made-up embeddings must not be kept on the disk.
_UNTRAINED = {
    "MODEL.SECOND_LOOK.MIN_PIXELS": 0,
    "MODEL.SECOND_LOOK.MAX_VOID": 1.0,
    "MODEL.SECOND_LOOK.DUPLICATE_IOU": 2.0,
    "MODEL.TEXT.CACHE_DIR": "",
}
_WARM_UP = 2
_PROMPTS = ["a photo of a cat"] * 8


class Bench:
    """
    Without MODEL.WEIGHTS the model is untrained: names then get random embeddings, since only time
    and memory are asked for, and every proposal is looked at a second time.

    Args:
        workload: see there.

    Attributes:
        model, inputs, vocabulary: what a step is about; it is asked about `vocabulary`.
        step: the step; its `parts` can be told apart.
        prompts: texts to embed once for this vocabulary, by all text banks together.

    Raises:
        ValueError, OSError: a configuration or weights that cannot be worked with.
    """

    def __init__(self, workload: Workload) -> None:
        if workload.threads:
            torch.set_num_threads(workload.threads)
        torch.manual_seed(0)
        self.cfg = _config(workload)
        if self.cfg.MODEL.WEIGHTS:
            weight_file(self.cfg.MODEL.WEIGHTS)  # or refuses, before anything is built
        everything = _vocabulary(self.cfg, workload.classes)
        try:
            model = build_model(self.cfg)
        except OSError as error:
            if workload.random_weights:
                raise
            hint = "To measure without any weights: --random-weights."
            raise OSError(f"{error} {hint}") from error
        assert isinstance(model, ZeroShotSegmentor)
        if self.cfg.MODEL.WEIGHTS:
            load_weights(model, self.cfg.MODEL.WEIGHTS)
        freeze(model, self.cfg.MODEL.FREEZE)
        self.model = model.train(workload.training)
        self.inputs = _inputs(workload, everything)
        self.vocabulary = everything.only_seen() if workload.training else everything
        self.prompts = self._embed_names()
        self._meter = StageMeter.of_time(model.device)
        self.parts = model_parts(model)
        self.step: Callable[[], object] = self._predict
        if workload.training:
            self.step = self._training_step()

    def about(self) -> dict[str, Any]:
        """Warms up, and tells what has been measured on the way; plain values."""
        peak = peak_growth(lambda: [self.step() for _ in range(_WARM_UP)], self.model.device)
        tensors = [*self.model.parameters(), *self.model.buffers()]
        return {
            "machine": in_words(),
            "weights": self.cfg.MODEL.WEIGHTS or "no weights: speed only",
            "classes": len(self.vocabulary),
            "model_bytes": sum(tensor.nbytes for tensor in tensors),
            "peak_bytes": peak,
            "prompts": self.prompts,
            "seconds_a_prompt": self._seconds_a_prompt(),
        }

    def laps(self, seconds: float) -> list[Lap]:
        """Steps for so long, at least one."""
        laps: list[Lap] = []
        end = time.perf_counter() + seconds
        with self._meter.watching(self.parts):
            while not laps or time.perf_counter() < end:
                laps.append(self._meter.lap(self.step))
        return laps

    def _predict(self) -> list[dict[str, Tensor]]:
        with torch.inference_mode():
            return self.model.labels(self.inputs)

    def _training_step(self) -> Callable[[], object]:
        """What a run of this configuration repeats."""
        cfg = self.cfg.clone()
        cfg.defrost()
        with tempfile.TemporaryDirectory() as folder:
            cfg.OUTPUT_DIR = folder
            trainer = build_trainer(cfg, self.model, loader=lambda start: ())
        self.parts += step_parts(trainer.step)
        return partial(trainer.step, [self.inputs] * trainer.batches_per_step)

    def _embed_names(self) -> int:
        banks = [part for part in self.model.modules() if isinstance(part, TextBank)]
        asked = 0

        def embed(forward: Callable[..., Tensor], dim: int, prompts: list[str]) -> Tensor:
            nonlocal asked
            asked += len(prompts)
            if self.cfg.MODEL.WEIGHTS:
                return forward(prompts)
            return torch.randn(len(prompts), dim, device=self.model.device)

        with ExitStack() as stack, torch.no_grad():
            for encoder in {bank.encoder for bank in banks}:
                stand_in = partial(embed, encoder.forward, encoder.dim)
                stack.enter_context(patch.object(encoder, "forward", stand_in))
            for bank in banks:
                bank([self.vocabulary])
        return asked

    def _seconds_a_prompt(self) -> float | None:
        encoder = self.model.text.encoder
        if not encoder.reads_templates:
            return None
        with torch.no_grad():
            laps = [
                StageMeter.of_time(self.model.device).lap(lambda: encoder(_PROMPTS))
                for _ in range(2)
            ]
        return total(laps[-1]) / len(_PROMPTS)


def _config(workload: Workload) -> CfgNode:
    cfg = get_config(workload.config_file, workload.options)
    cfg.defrost()
    if workload.random_weights:
        _set(cfg, _NO_WEIGHTS)
    if not cfg.MODEL.WEIGHTS:
        _set(cfg, _UNTRAINED)
    cfg.freeze()
    return cfg


def _set(cfg: CfgNode, values: dict[str, Any]) -> None:
    """Keys that a revision does not have yet are left out."""
    for key, value in values.items():
        *sections, name = key.split(".")
        node = cfg
        for section in sections:
            node = node.get(section, CfgNode())
        if name in node:
            node[name] = value


def _vocabulary(cfg: CfgNode, classes: int | None) -> Vocabulary:
    if classes is not None:
        names = [f"class {i}" for i in range(classes)]
        return Vocabulary.of(names, unseen=names[9::10])
    datasets = (*cfg.DATASETS.TEST, *cfg.DATASETS.TRAIN)
    if not datasets:
        raise ValueError("the configuration names no dataset; say how many names: --classes 171.")
    register_datasets(cfg)
    return vocabulary_of(datasets[0])


def _inputs(workload: Workload, vocabulary: Vocabulary) -> list[dict[str, Any]]:
    """Scenes of Shapes, enlarged; their labels stand for any names."""
    height, width = workload.size
    inputs = []
    for index in range(workload.batch):
        scene = draw_scene(0, index)
        image = cv2.resize(scene.image, (width, height), interpolation=cv2.INTER_LINEAR)
        label = cv2.resize(scene.label, (width, height), interpolation=cv2.INTER_NEAREST)
        inputs.append(
            {
                "image": torch.from_numpy(image).permute(2, 0, 1),
                "sem_seg": torch.from_numpy(label).long() % len(vocabulary),
                "vocabulary": vocabulary,
            }
        )
    return inputs
