"""
The spine: every method of this project is this one model with other parts.

    images -> backbone -> grouping -> regions -> naming(regions, text) -> aggregation -> readout ->
    scores or labels
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from .aggregation import Aggregation, build_aggregation, each_alone
from .backbone import build_backbone
from .criterion import build_criterion
from .data import configured_vocabulary
from .grouping import build_grouping
from .images import ImageBatch
from .inference.build import build_inference
from .inference.modes import InferenceMode, Inputs, whole
from .label_policy import Inductive, build_label_policy
from .naming import build_naming
from .readout import Prepared, Readout, ScoreMaps, build_readout
from .regions import Regions
from .runtime.config import CfgNode, configurable
from .runtime.modeling import META_ARCH_REGISTRY
from .scene import Scene
from .text import TextBank, build_text_bank
from .vocabulary import IGNORE, Vocabulary


@META_ARCH_REGISTRY.register()
class ZeroShotSegmentor(nn.Module):
    """
    Segments images by the names of a vocabulary. A Detectron2 meta-architecture.

    Args:
        backbone: normalised images (B, 3, H, W) -> dict of maps (B, C, h, w).
        grouping: dict of maps -> list of Regions, the final one last.
        naming: (Regions, text (K, P, D) or (B, K, P, D)) -> logits (B, N, K), or (B, N, K + 1) with
            void last.
        aggregation: asks the naming; scores may learn from each other there.
        text: vocabularies -> text embeddings.
        readout: regions and their logits -> score maps at any size.
        inference: how often, and how, it looks at an image.
        criterion: (regions, logits, targets) -> dict of weighted losses; None for a model that is
            never trained.
        label_policy: what is asked about in training, and the labels in that.
        vocabulary: what to segment when an input does not bring its own "vocabulary".
        pixel_mean, pixel_std: of the backbone's images, 0..255; three numbers for each tower.
        size_divisibility: padded sizes are multiples of it.
        class_chunk: classes whose full-size score maps are held at a time when labels are asked
            for.
    """

    pixel_mean: Tensor
    pixel_std: Tensor

    @configurable
    def __init__(
        self,
        *,
        backbone: nn.Module,
        grouping: nn.Module,
        naming: nn.Module,
        text: TextBank,
        readout: Readout,
        aggregation: Aggregation = each_alone,
        inference: InferenceMode = whole,
        criterion: nn.Module | None = None,
        label_policy: Inductive | None = None,
        vocabulary: Vocabulary | None = None,
        pixel_mean: Sequence[float] = (123.675, 116.28, 103.53),
        pixel_std: Sequence[float] = (58.395, 57.12, 57.375),
        size_divisibility: int = 32,
        class_chunk: int = 64,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.grouping = grouping
        self.naming = naming
        self.aggregation = aggregation
        self.text = text
        self.readout, self.inference = readout, inference
        self.criterion = criterion
        self.label_policy = label_policy or Inductive()
        self.vocabulary = vocabulary
        self.size_divisibility = size_divisibility
        self.class_chunk = class_chunk
        for name, numbers in (("pixel_mean", pixel_mean), ("pixel_std", pixel_std)):
            statistics = torch.tensor(numbers, dtype=torch.float32).view(-1, 1, 1)
            self.register_buffer(name, statistics, persistent=False)

    @classmethod
    def from_config(cls, cfg: CfgNode, vocabulary: Vocabulary | None = None) -> dict[str, Any]:
        if cfg.INPUT.FORMAT != "RGB":
            raise ValueError(
                f"INPUT.FORMAT is {cfg.INPUT.FORMAT!r}; images are RGB throughout zs3. For weights "
                "trained on BGR, reverse the input channels of their first convolution."
            )
        backbone: Any = build_backbone(cfg)  # Any: a module that has output_shape()
        grouping: Any = build_grouping(cfg, backbone.output_shape())
        text = build_text_bank(cfg)
        return {
            "backbone": backbone,
            "grouping": grouping,
            "naming": build_naming(cfg, grouping.embedding_dim, text.dim),
            "aggregation": build_aggregation(cfg, backbone.output_shape(), text.dim),
            "text": text,
            "readout": build_readout(cfg, text),
            "inference": build_inference(cfg),
            "criterion": build_criterion(cfg),
            "label_policy": build_label_policy(cfg),
            "vocabulary": vocabulary or configured_vocabulary(cfg),
            "pixel_mean": cfg.MODEL.PIXEL_MEAN,
            "pixel_std": cfg.MODEL.PIXEL_STD,
            "size_divisibility": cfg.INPUT.SIZE_DIVISIBILITY,
            "class_chunk": cfg.TEST.CLASS_CHUNK,
        }

    @property
    def device(self) -> torch.device:
        return self.pixel_mean.device

    def forward(self, batched_inputs: Inputs) -> dict[str, Tensor] | list[dict[str, Tensor]]:
        """
        Detectron2's contract.

        Args:
            batched_inputs: dicts with "image" (3, H, W), RGB 0..255; optionally "vocabulary",
                "height" and "width" of the output; in training also "sem_seg" (H, W), labels of the
                full vocabulary.

        Returns:
            In training, a dict of weighted losses; else a list of {"sem_seg": (K, height, width)
            scores}.
        """
        if self.training:
            return self.losses(batched_inputs)
        return [{"sem_seg": maps.scores()} for maps in self.predict(batched_inputs)]

    def labels(self, batched_inputs: Inputs) -> list[dict[str, Tensor]]:
        """
        As `forward` in evaluation, but {"labels": (height, width) int64}; K score maps are never
        held at once.
        """
        return [{"labels": maps.labels(self.class_chunk)} for maps in self.predict(batched_inputs)]

    def predict(self, batched_inputs: Inputs) -> list[ScoreMaps]:
        """Scores of every image at its "height" and "width", by default its own size."""
        return self.inference(self.predict_whole, batched_inputs)

    def losses(self, batched_inputs: Inputs) -> dict[str, Tensor]:
        """
        The training half of `forward`. The model is asked about what its label policy allows.

        Raises:
            ValueError: no criterion, no labels, or vocabularies the policy cannot ask about.
        """
        if self.criterion is None:
            raise ValueError(
                "this model has no criterion, so it cannot be trained; give it one "
                "(MODEL.CRITERION.NAME)."
            )
        return self.criterion(*self.examples(batched_inputs))

    def examples(self, batched_inputs: Inputs) -> tuple[list[Regions], list[Tensor], Tensor]:
        """What a criterion compares: supervised regions, their logits, and targets (B, H, W)."""
        labels = [inputs["sem_seg"].to(self.device).long() for inputs in batched_inputs]
        asked, labels = self.label_policy.ask(self._vocabularies(batched_inputs), labels)
        images = self._images(batched_inputs)
        _, regions, logits = self._name(images, asked)
        self._check_columns(logits[-1].shape[-1], len(asked[0]))
        targets = images.padded_labels(labels, IGNORE)
        targets = self.label_policy.complete(asked, targets, regions[-1], logits[-1])
        return regions, logits, targets

    def _check_columns(self, columns: int, num_classes: int) -> None:
        needs_void = getattr(self.criterion, "needs_void", columns > num_classes)
        if columns != num_classes + needs_void:
            raise ValueError(
                f"{type(self.criterion).__name__} needs {num_classes + needs_void} logits for "
                f"{num_classes} classes, but {type(self.naming).__name__} gives {columns}; set "
                f"MODEL.NAMING.WITH_VOID {needs_void}, or take another naming or criterion."
            )

    def predict_whole(self, batched_inputs: Inputs) -> list[ScoreMaps]:
        """As `predict`, in one pass over the batch whatever `inference` is."""
        prepared = self.prepare(batched_inputs)
        sizes = [
            (inputs.get("height", size[0]), inputs.get("width", size[1]))
            for inputs, size in zip(batched_inputs, prepared.scene.images.sizes, strict=True)
        ]
        return [self.readout.read(prepared, i, size) for i, size in enumerate(sizes)]

    def prepare(self, batched_inputs: Inputs) -> Prepared:
        """All that is computed about a batch before anybody says at which sizes to read it."""
        vocabularies = self._vocabularies(batched_inputs)
        images = self._images(batched_inputs)
        features, regions, logits = self._name(images, vocabularies)
        is_seen = torch.tensor(
            [vocabulary.is_seen for vocabulary in vocabularies], device=self.device
        )
        *earlier, final = regions
        scene = Scene(images, features, final, vocabularies, is_seen, tuple(earlier))
        return self.readout.prepare(scene, logits)

    def _name(
        self, images: ImageBatch, vocabularies: Sequence[Vocabulary]
    ) -> tuple[dict[str, Tensor], list[Regions], list[Tensor]]:
        features = self.backbone(images.normalised(self.pixel_mean, self.pixel_std))
        regions = self.grouping(features)
        text = self.text(vocabularies)
        return features, *self.aggregation(features, regions, text, self.naming)

    def _images(self, batched_inputs: Inputs) -> ImageBatch:
        return ImageBatch(
            tuple(inputs["image"].to(self.device) for inputs in batched_inputs),
            self.size_divisibility,
        )

    def _vocabularies(self, batched_inputs: Inputs) -> tuple[Vocabulary, ...]:
        """One vocabulary if all images share it, else one an image."""
        vocabularies: list[Vocabulary] = []
        for inputs in batched_inputs:
            vocabulary = inputs.get("vocabulary", self.vocabulary)
            if vocabulary is None:
                raise ValueError(
                    'no names to segment: give the input a "vocabulary", or the model one '
                    "(zs3.Vocabulary.of([...]))."
                )
            vocabularies.append(vocabulary)
        is_shared = all(other == vocabularies[0] for other in vocabularies)
        return tuple(vocabularies[:1] if is_shared else vocabularies)
