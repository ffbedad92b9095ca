"""
What eigenvectors would bring if the labels chose among them: the fusion of the published SAZS
(arXiv 2304.08491) in multi-class evaluation. An upper bound, never a prediction.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ..data.reading import read_label
from ..files import write_atomically
from ..runtime.utils import comm
from ..spectral.store import masks_of, read_vectors
from ..vocabulary import Vocabulary
from .episodes import VOID, EpisodeScores, Overlap, oracle_choice
from .reduction import sum_over_processes

logger = logging.getLogger(__name__)

# (file of an image, the image (h, w, 3), size (H, W) of its labels) -> (N, H, W) bool
Masks = Callable[[str, np.ndarray, tuple[int, int]], np.ndarray]
FILE = "oracle.json"


class MaskFolder:
    """
    Masks from files in the published layout, NAME_k0.png, NAME_k1.png, ... of image NAME, or in the
    compact one.

    Args:
        folder: of them.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def __call__(self, file: str, image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """
        Raises:
            FileNotFoundError: no mask of this image.
            ValueError: a mask of another size than the labels.
        """
        name = Path(file).stem
        compact = self.folder / f"{name}.npz"
        if compact.is_file():
            return masks_of(read_vectors(compact), size)
        files = sorted(self.folder.glob(f"{name}_k*.png"))
        if not files:
            raise FileNotFoundError(
                f"{self.folder} holds no {name}_k0.png; datasets/prepare/spectral_masks.py makes "
                "such masks."
            )
        masks = [read_label(path) for path in files]
        for path, mask in zip(files, masks, strict=True):
            if mask.shape != size:
                raise ValueError(
                    f"{path} is {mask.shape}, but the labels of its image are {size}; make the "
                    "masks at the size of the images."
                )
        # 255 and 1 mean the same; other greys are on neither side, so not in the mask.
        return np.isin(np.stack(masks), (1, 255))


class Oracle:
    """
    Observes an evaluation: for every class that an image shows, the prediction's mask or the mask
    that overlaps the truth better is counted. Writes oracle.json.

    Args:
        vocabulary: of the labels.
        ignore_label: what pixels without a label have.
        masks: of an image.
        directory: where to write.
    """

    def __init__(
        self, vocabulary: Vocabulary, *, ignore_label: int, masks: Masks, directory: str | Path
    ) -> None:
        self.vocabulary = vocabulary
        self.ignore_label = ignore_label
        self.masks = masks
        self.directory = Path(directory)
        self.reset()

    def reset(self) -> None:
        self.scores = EpisodeScores(self.vocabulary.names)

    def see(
        self,
        file: str,
        image: np.ndarray,
        truth: np.ndarray,
        labels: np.ndarray,
        confusion: np.ndarray,
    ) -> None:
        masks = self.masks(file, image, truth.shape)
        void = truth == self.ignore_label
        for label in np.union1d(labels, truth[~void]):
            target = np.where(void, VOID, truth == label)
            network = Overlap.of((labels == label).astype(int), target)
            counted = network
            if (target == 1).any():
                others = [Overlap.of(mask.astype(int), target) for mask in masks]
                choice = oracle_choice(network, others)
                counted = network if choice < 0 else others[choice]
            self.scores.add(int(label), counted)

    def finish(self) -> None:
        self.scores.inter, self.scores.union = map(
            sum_over_processes, (self.scores.inter, self.scores.union)
        )
        if not comm.is_main_process():
            return
        shown = [
            name
            for name, union in zip(self.vocabulary.names, self.scores.union[1], strict=True)
            if union
        ]
        summary = self.scores.summary(shown)
        unseen = [summary[f"IoU-{name}"] for name in shown if name in self.vocabulary.unseen]
        bound = {"mIoU": summary["mIoU"], "U-mIoU": float(np.mean(unseen)) if unseen else None}
        self.directory.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"oracle": bound | summary}, indent=1) + "\n"
        write_atomically(self.directory / FILE, text.encode())
        logger.info("an oracle that chooses with the labels would reach mIoU %.1f", bound["mIoU"])
