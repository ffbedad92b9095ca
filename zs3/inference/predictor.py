"""
`zs3.load(...).segment(...)`: a trained model and an image in, labels, scores and pictures out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..data.augmentation import ResizeShortestEdge
from ..data.reading import read_image
from ..evaluation.pictures import overlay, palette, save_label_png, save_png
from ..segmentor import ZeroShotSegmentor
from ..vocabulary import Vocabulary

ImageLike = str | Path | np.ndarray | Image.Image
Classes = str | Iterable[str] | Mapping[str, str | Sequence[str]] | Vocabulary


@dataclass(frozen=True)
class Segmentation:
    """
    One segmented image.

    Attributes:
        image: (H, W, 3) uint8 RGB, upright.
        labels: (H, W) int64, index into `names`.
        names: the classes that were asked for.
        scores: (K, H, W) float32, or None if they were not asked for.
    """

    image: np.ndarray
    labels: np.ndarray
    names: tuple[str, ...]
    scores: np.ndarray | None = None

    @property
    def found(self) -> dict[str, float]:
        """Share of the pixels (0..1) of every class that occurs, the largest first."""
        pixels = np.bincount(self.labels.ravel(), minlength=len(self.names)) / self.labels.size
        return {
            self.names[i]: float(pixels[i])
            for i in np.argsort(-pixels, kind="stable")
            if pixels[i] > 0
        }

    def overlay(self, alpha: float = 0.55) -> np.ndarray:
        """
        The image under its labels with a legend: (H', W', 3) uint8 RGB. `alpha` is the opacity of
        the labels.
        """
        return overlay(self.image, self.labels, self.names, palette(len(self.names)), alpha=alpha)

    def save(self, path: str | Path) -> None:
        """Writes the labels as a PNG (8-bit with a palette, 16-bit for more than 255 classes)."""
        save_label_png(path, self.labels, palette(len(self.names)))

    def save_overlay(self, path: str | Path, alpha: float = 0.55) -> None:
        """Writes `overlay()` as a PNG."""
        save_png(path, self.overlay(alpha))


class Segmenter:
    """
    Asks a trained model about images.

    Args:
        model: the segmentor, in evaluation mode.
        trained: the vocabulary of its training data; names that were seen there are treated as
            seen, others as unseen.
        min_size, max_size: test-time bounds of the shorter and longer side (pixels); min_size 0
            keeps the image's size.
    """

    def __init__(
        self,
        model: ZeroShotSegmentor,
        trained: Vocabulary | None = None,
        min_size: int = 0,
        max_size: int = 4096,
    ) -> None:
        self.model = model.eval()
        self.trained = trained
        self.resize = ResizeShortestEdge([min_size], max_size)

    def vocabulary(self, classes: Classes | None = None) -> Vocabulary:
        """
        The vocabulary of a request.

        Args:
            classes: names as a list, as one string separated by commas, or as a mapping name ->
                word(s) for prompts; None for the names the model was trained and tested on.

        Raises:
            ValueError: no names at all, or names that are empty or repeated.
        """
        if isinstance(classes, Vocabulary):
            return classes
        if classes is None:
            if self.trained is None:
                raise ValueError(
                    "this model knows no class names of its own; say which: "
                    'classes=["red star", "grass"].'
                )
            return self.trained
        asked = Vocabulary.of(classes)
        if self.trained is None:
            return asked
        # A word the training data knew keeps its prompt words, unless the request brings its own.
        seen = set(self.trained.seen)
        known = dict(zip(self.trained.names, self.trained.synonyms, strict=True))
        prompts = (
            {}
            if isinstance(classes, Mapping)
            else {name: known[name] for name in asked.names if name in known}
        )
        return Vocabulary.of(
            dict(zip(asked.names, asked.synonyms, strict=True)) | prompts,
            [n for n in asked.names if n not in seen],
        )

    def segment(
        self, image: ImageLike, classes: Classes | None = None, scores: bool = True
    ) -> Segmentation:
        """
        Segments one image.

        Args:
            image: a file, an (H, W, 3) uint8 RGB array, or a PIL image.
            classes: see `vocabulary`.
            scores: also return the (K, H, W) scores; False saves their memory.

        Raises:
            ValueError: an image that cannot be read, or bad class names.
        """
        return self.segment_batch([image], self.vocabulary(classes), scores)[0]

    def segment_batch(
        self, images: Sequence[ImageLike], vocabulary: Vocabulary, scores: bool = False
    ) -> list[Segmentation]:
        """Segments several images in one pass; as `segment`."""
        arrays = [_as_array(image) for image in images]
        inputs = [
            {
                "image": _as_tensor(self.resize.image(array)),
                "height": array.shape[0],
                "width": array.shape[1],
                "vocabulary": vocabulary,
            }
            for array in arrays
        ]
        with torch.inference_mode():
            if not scores:
                labels = [output["labels"].cpu().numpy() for output in self.model.labels(inputs)]
                return [
                    Segmentation(*pair, vocabulary.names)
                    for pair in zip(arrays, labels, strict=True)
                ]
            maps = [output["sem_seg"].cpu() for output in self.model(inputs)]
        return [
            Segmentation(array, score.argmax(0).numpy(), vocabulary.names, score.numpy())
            for array, score in zip(arrays, maps, strict=True)
        ]


def _as_array(image: ImageLike) -> np.ndarray:
    if isinstance(image, (str, Path)):
        return read_image(image)
    array = np.asarray(image.convert("RGB")) if isinstance(image, Image.Image) else image
    if array.ndim != 3 or array.shape[2] != 3 or array.dtype != np.uint8:
        raise ValueError(
            f"an image array must be (H, W, 3) uint8 RGB, but this one is {array.shape} "
            f"{array.dtype}; convert it, or pass a file name."
        )
    return array


def _as_tensor(image: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))
