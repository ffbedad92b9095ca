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
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox
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
    write_atomically(path.with_suffix(".png"), _plot(shapes))


def _plot(shapes: Sequence[ClassShape]) -> bytes:
    """A PNG: gain against each measure."""
    figure = Figure(figsize=(11, 5.5), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    places = figure.subplots(1, 2, sharey=True)
    for place, measure in zip(places, MEASURES, strict=True):
        place.axhline(0, color="grey", linewidth=0.8)
        place.scatter([getattr(s, measure) for s in shapes], [s.gain for s in shapes], s=14)
        place.margins(0.15, 0.1)
        place.set_title(f"Spearman's {correlation(shapes, measure):.2f}")
        place.set_xlabel(measure)
    places[0].set_ylabel("gain in IoU, points")
    figure.draw_without_rendering()  # now it is known where things are
    for place, measure in zip(places, MEASURES, strict=True):
        name_points(place, [(getattr(s, measure), s.gain, s.name) for s in shapes])
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    return picture.getvalue()


def name_points(place: Axes, points: Sequence[tuple[float, float, str]]) -> None:
    """
    Names where there is room, first those of the largest gains and losses.

    Args:
        points: (x, y, name).
    """
    drawn = [point for point in points if not np.isnan(point[:2]).any()]
    spots = place.transData.transform(np.array([point[:2] for point in drawn]).reshape(-1, 2))
    taken = [Bbox.from_bounds(x - 4, y - 4, 8, 8) for x, y in spots]
    for x, y, name in sorted(drawn, key=lambda point: -abs(point[1])):
        for across, up, align in ((5, 0, "left"), (-5, 0, "right"), (0, 6, "center")):
            note = place.annotate(
                name,
                (x, y),
                (across, up),
                textcoords="offset points",
                ha=align,
                va="center",
                fontsize=6,
                in_layout=False,
            )
            box = note.get_window_extent()
            inside = place.bbox.x0 <= box.x0 and box.x1 <= place.bbox.x1
            if inside and not any(box.overlaps(other) for other in taken):
                taken.append(box)
                break
            note.remove()
