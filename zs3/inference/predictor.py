"""
`zs3.load(...).segment(...)`: a trained model and images in, labels, scores and pictures out.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..data.augmentation import Resize, ResizeShortestEdge, resize_image, shortest_edge_size
from ..data.reading import as_photo, read_reduced, reduced_size
from ..readout.maps import ScoreMaps
from ..segmentor import ZeroShotSegmentor
from ..vocabulary import IGNORE, Vocabulary
from .ahead import ahead
from .batches import alike
from .classes import Classes
from .inputs import find_inputs
from .result import Segmentation

logger = logging.getLogger(__name__)

ImageLike = str | Path | np.ndarray | Image.Image

# A photo of more is reduced to it when it is read, and its labels are enlarged again in the end:
# score maps take TEST.CLASS_CHUNK times as many numbers.
WORKING_PIXELS = 2**22
_KEEP = ResizeShortestEdge([0], 0)


@dataclass(frozen=True)
class Photo:
    """
    Attributes:
        image: (h, w, 3) uint8 RGB of at most about WORKING_PIXELS.
        size: (H, W) of the photo itself.
        file: where it comes from.
    """

    image: np.ndarray
    size: tuple[int, int]
    file: Path | None = None


@dataclass(frozen=True)
class Request:
    """
    What to ask about every image.

    Attributes:
        vocabulary: the names.
        scores: give the scores beside the labels.
        none_below: pixels whose best score is below it become IGNORE; None for no threshold.
        background: those of the names that count as none: their pixels become IGNORE, too.
    """

    vocabulary: Vocabulary
    scores: bool = False
    none_below: float | None = None
    background: frozenset[str] = frozenset()


class Segmenter:
    """
    Asks a trained model about images.

    Args:
        model: the segmentor, in evaluation mode.
        trained: the vocabulary of its training data; names that were seen there are treated as
            seen, others as unseen.
        resize: for images, as in the model's evaluation; by default they keep their size.
        max_size: no side that the model sees is longer (pixels); larger ones are reduced.
        half: compute in float16 where that is safe (autocast). Made for GPUs; labels change where
            two classes are about even.
    """

    def __init__(
        self,
        model: ZeroShotSegmentor,
        trained: Vocabulary | None = None,
        resize: Resize = _KEEP,
        max_size: int = 4096,
        half: bool = False,
    ) -> None:
        self.model = model.eval()
        self.trained = trained
        self.resize = resize
        self.max_size = max_size
        self.half = half

    def vocabulary(self, classes: Classes | None = None) -> Vocabulary:
        """
        The vocabulary of a request.

        Args:
            classes: names as a list, as one string separated by commas, or as a mapping name ->
                word(s) for prompts; None for the names the model was trained and tested on. Those
                that training has seen count as seen, see `Vocabulary.seen_by`.

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
        if not isinstance(classes, Mapping):
            # A word the training data knew keeps its prompt words.
            words = zip(self.trained.names, self.trained.synonyms, strict=True)
            known = {name.lower(): synonyms for name, synonyms in words}
            asked = Vocabulary.of(
                {
                    name: known.get(name.lower(), synonyms)
                    for name, synonyms in zip(asked.names, asked.synonyms, strict=True)
                }
            )
        return asked.seen_by(self.trained)

    def request(
        self,
        classes: Classes | None = None,
        scores: bool = False,
        none_below: float | None = None,
        background: Classes | None = None,
    ) -> Request:
        """What `segment` asks every image; arguments and errors as there."""
        if none_below is not None and math.isnan(none_below):
            raise ValueError("none_below is nan; expected a score to compare with.")
        vocabulary = self.vocabulary(classes)
        if background is None:
            return Request(vocabulary, scores, none_below)
        none = self.vocabulary(background)
        return Request(_joined(vocabulary, none), scores, none_below, frozenset(none.names))

    def rehearse(self, request: Request) -> None:
        """
        Asks about a grey image, so that names which cannot be embedded are refused at once.

        Raises:
            ValueError: there are some.
        """
        self.segment_batch([self.read(np.full((32, 32, 3), 128, np.uint8))], request)

    def segment(
        self,
        image: ImageLike | Sequence[ImageLike],
        classes: Classes | None = None,
        scores: bool = True,
        *,
        none_below: float | None = None,
        background: Classes | None = None,
        batch: int = 1,
    ) -> Any:  # as the image: one result, a list, or an iterator
        """
        Segments one image, a list of images, or the images of a folder and of those inside it.

        Args:
            image: a file, an (H, W, 3) uint8 RGB array, a PIL image, which is taken as its file
                would be; a list of them; or a folder.
            classes: see `vocabulary`.
            scores: also return the (K, h, w) scores; False saves their memory.
            none_below: pixels whose best score is below it are none of the classes.
            background: names that compete for pixels, too, but whose pixels are none of the
                classes, even if a name is one of these, too; given as `classes`.
            batch: images that pass through the model together, if they follow each other and have
                one size. Results are those of single images, up to rounding.

        Returns:
            What the image was: a result, a list of them, or for a folder an iterator, which logs
            what cannot be read and goes on.

        Raises:
            ValueError: an image that cannot be read, bad class names, or a threshold that is nan.
        """
        request = self.request(classes, scores, none_below, background)
        if isinstance(image, (str, Path)) and Path(image).is_dir():
            files = ahead(self.read, find_inputs([image]))
            return self.stream(_readable(files), request, batch)
        if isinstance(image, (str, Path, np.ndarray, Image.Image)):
            return self.segment_batch([self.read(image)], request)[0]
        return list(self.stream(map(self.read, image), request, batch))

    def read(self, image: ImageLike) -> Photo:
        """
        Reads one image; a large one smaller.

        Raises:
            ValueError: it cannot be read, or is an array of another kind.
        """
        if isinstance(image, (str, Path)):
            return Photo(*read_reduced(image, WORKING_PIXELS), Path(image))
        array = as_photo(image) if isinstance(image, Image.Image) else image
        if array.ndim != 3 or array.shape[2] != 3 or array.dtype != np.uint8:
            raise ValueError(
                f"an image array must be (H, W, 3) uint8 RGB, but this one is {array.shape} "
                f"{array.dtype}; convert it, or pass a file name."
            )
        size = array.shape[0], array.shape[1]
        return Photo(resize_image(array, reduced_size(size, WORKING_PIXELS)), size)

    def stream(
        self, photos: Iterable[Photo], request: Request, batch: int = 1
    ) -> Iterator[Segmentation]:
        """Segments one photo after the other; `batch` as in `segment`."""
        for group in alike(photos, lambda photo: photo.image.shape, batch):
            yield from self.segment_batch(group, request)

    def segment_batch(self, photos: Sequence[Photo], request: Request) -> list[Segmentation]:
        """Segments several photos in one pass. To equal single passes they must have one size."""
        inputs = [
            {
                "image": self._model_input(photo.image),
                "height": photo.image.shape[0],
                "width": photo.image.shape[1],
                "vocabulary": request.vocabulary,
            }
            for photo in photos
        ]
        half = torch.autocast(self.model.device.type, torch.float16, enabled=self.half)
        labels: list[np.ndarray] = []
        scores: list[np.ndarray | None] = []
        with torch.inference_mode(), half:
            for maps in self.model.predict(inputs):
                if request.scores:
                    maps = maps.computed()
                scores.append(maps.scores().float().cpu().numpy() if request.scores else None)
                labels.append(_labels(maps, request, self.model.class_chunk).cpu().numpy())
        return [
            Segmentation(
                photo.image,
                label,
                request.vocabulary.names,
                score,
                photo.size,
                photo.file,
            )
            for photo, label, score in zip(photos, labels, scores, strict=True)
        ]

    def _model_input(self, image: np.ndarray) -> Tensor:
        """(h, w, 3) -> (3, h', w') as the model sees it."""
        size = self.resize.size(*image.shape[:2])
        if max(size) > self.max_size:
            image = resize_image(image, shortest_edge_size(*size, min(size), self.max_size))
        else:
            image = self.resize.image(image)
        return torch.from_numpy(image.transpose(2, 0, 1).copy())


def _labels(maps: ScoreMaps, request: Request, chunk: int) -> Tensor:
    """(H, W) uint16, the best classes; IGNORE for what counts as none."""
    label = maps.labels(chunk)
    names = request.vocabulary.names
    is_background = torch.tensor([name in request.background for name in names])
    none = is_background.to(label.device)[label]
    if request.none_below is not None:
        none |= maps.best(chunk)[0] < request.none_below
    return label.masked_fill(none, IGNORE).to(torch.uint16)


def _joined(first: Vocabulary, second: Vocabulary) -> Vocabulary:
    """The first vocabulary, then the names that only the second has."""
    new = [i for i, name in enumerate(second.names) if name not in first.names]
    return Vocabulary(
        first.names + tuple(second.names[i] for i in new),
        first.is_seen + tuple(second.is_seen[i] for i in new),
        first.synonyms + tuple(second.synonyms[i] for i in new),
    )


def _readable(files: Iterable[tuple[Path, Future[Photo]]]) -> Iterator[Photo]:
    for _, photo in files:
        try:
            yield photo.result()
        except (ValueError, OSError) as error:
            logger.warning("skipped: %s", error)
