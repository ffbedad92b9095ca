"""
For which classes the spectral prior helps: their gain in IoU against the compactness of their masks
and the locality of their names (after SAZS, arXiv 2304.08491; the two measures are ours).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from matplotlib.figure import Figure
from scipy.stats import spearmanr

from ..files import write_atomically

MEASURES = ("compactness", "locality")


@dataclass(frozen=True)
class ClassShape:
    """
    Attributes:
        name: of a class.
        compactness: mean of 4 pi area / perimeter^2 over its segments, 1 for a disc; NaN without.
        locality: cosine of its name's embedding and the nearest other one.
        gain: IoU with the prior less IoU without, in percent points; NaN if it has none.
    """

    name: str
    compactness: float
    locality: float
    gain: float


class Compactness:
    """
    Sums up 4 pi area / perimeter^2 of the connected segments of classes.

    Args:
        num_classes: K.
        min_pixels: smaller segments are left out: on few pixels a perimeter means little.
    """

    def __init__(self, num_classes: int, min_pixels: int = 16) -> None:
        self.min_pixels = min_pixels
        self.sums, self.counts = np.zeros((2, num_classes))

    def add(self, labels: np.ndarray) -> None:
        """(H, W) integers; what is no class is left out."""
        for label in np.unique(labels):
            if label >= len(self.sums):
                continue
            mask = (labels == label).astype(np.uint8)
            contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
            for contour in contours:
                filled = cv2.drawContours(np.zeros_like(mask), [contour], 0, 1, cv2.FILLED)
                area = int((filled & mask).sum())
                if area >= self.min_pixels:
                    # The contour goes through the centres of the outermost pixels.
                    perimeter = cv2.arcLength(contour, closed=True) + 4
                    self.sums[label] += min(4 * np.pi * area / perimeter**2, 1.0)
                    self.counts[label] += 1

    def means(self) -> np.ndarray:
        """(K,), NaN for a class without segments."""
        nothing = np.full_like(self.sums, np.nan)
        return np.divide(self.sums, self.counts, out=nothing, where=self.counts > 0)


def locality(text: np.ndarray) -> np.ndarray:
    """(K, D) embeddings -> (K,), the cosine of each with the nearest other one."""
    units = text / np.linalg.norm(text, axis=1, keepdims=True).clip(1e-12)
    cosines = units @ units.T
    np.fill_diagonal(cosines, -np.inf)
    return cosines.max(1)


def iou_by_name(folder: str | Path) -> dict[str, float]:
    """
    From the per_class.csv of an evaluation.

    Raises:
        FileNotFoundError: there is none.
    """
    path = Path(folder) / "per_class.csv"
    if not path.is_file():
        raise FileNotFoundError(
            f"{folder} holds no per_class.csv; name a folder that an evaluation wrote "
            "(OUTPUT_DIR/inference/SET)."
        )
    with path.open(newline="", encoding="utf-8") as file:
        return {row["class"]: float(row["IoU"] or "nan") for row in csv.DictReader(file)}


def correlation(shapes: Iterable[ClassShape], measure: str) -> float:
    """Spearman's, of a measure and the gain; NaN for fewer than three classes."""
    pairs = np.array([(getattr(shape, measure), shape.gain) for shape in shapes])
    pairs = pairs[~np.isnan(pairs).any(1)] if len(pairs) else pairs
    return float(spearmanr(pairs[:, 0], pairs[:, 1])[0]) if len(pairs) > 2 else float("nan")


def write_analysis(shapes: Sequence[ClassShape], path: Path) -> None:
    """Writes a table, PATH.csv, and the plot, PATH.png."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("class", *MEASURES, "gain"))
    for shape in shapes:
        numbers = (shape.compactness, shape.locality, shape.gain)
        writer.writerow((shape.name, *("" if np.isnan(x) else f"{x:.4f}" for x in numbers)))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path.with_suffix(".csv"), text.getvalue().encode())
    figure = Figure(figsize=(10, 4.5), layout="constrained")
    for place, measure in zip(figure.subplots(1, 2, sharey=True), MEASURES, strict=True):
        place.axhline(0, color="grey", linewidth=0.8)
        place.scatter([getattr(s, measure) for s in shapes], [s.gain for s in shapes], s=14)
        for shape in shapes:
            where = (getattr(shape, measure), shape.gain)
            if not np.isnan(where).any():
                place.annotate(shape.name, where, fontsize=6)
        place.margins(x=0.15)  # names stand at the right of their points
        place.set_title(f"Spearman's {correlation(shapes, measure):.2f}")
        place.set_xlabel(measure)
        place.set_ylabel("gain in IoU")
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=150)
    write_atomically(path.with_suffix(".png"), picture.getvalue())
