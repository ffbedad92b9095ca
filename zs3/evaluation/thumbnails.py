"""An image, its truth, its prediction and the errors as small pictures inside of a text."""

from __future__ import annotations

import base64
import io

import cv2
import numpy as np
from PIL import Image

# Of an error map (RGBA): right, wrong within the seen or within the unseen classes, a seen pixel
# called unseen, an unseen pixel called seen.
ERRORS = {
    "right": (128, 128, 128, 64),
    "wrong": (214, 69, 65, 255),
    "seen as unseen": (142, 90, 200, 255),
    "unseen as seen": (240, 165, 30, 255),
}


def thumbnails(
    image: np.ndarray,
    truth: np.ndarray,
    labels: np.ndarray,
    colours: np.ndarray,
    *,
    is_seen: np.ndarray,
    ignore: int,
    side: int,
) -> dict[str, str]:
    """
    Args:
        image: (h, w, 3) RGB 0..255, of the labels' shape or another.
        truth: (H, W) integers 0..K-1, or `ignore`.
        labels: (H, W) integers 0..K-1, or larger for no class.
        colours: (K, 3) uint8 RGB.
        is_seen: (K,) bool.
        side: larger ones are reduced to this longer side (pixels).

    Returns:
        dict: data URIs of "image" (JPEG), "truth", "prediction" and "errors" (PNG, transparent
            where there is no label).
    """
    scale = min(1.0, side / max(truth.shape))
    height, width = (max(1, round(length * scale)) for length in truth.shape)
    photo = cv2.resize(image.astype(np.uint8), (width, height), interpolation=cv2.INTER_AREA)
    rows = np.arange(height) * truth.shape[0] // height
    columns = np.arange(width) * truth.shape[1] // width
    truth, labels = truth[np.ix_(rows, columns)], labels[np.ix_(rows, columns)]
    labelled = truth != ignore
    errors = _errors(truth, labels, is_seen, labelled)
    opaque = np.full((len(colours), 1), 255)
    return {
        "image": _uri(photo, "JPEG"),
        "truth": _painted(
            np.where(labelled, truth, np.int64(len(colours))), np.hstack([colours, opaque])
        ),
        "prediction": _painted(labels, np.hstack([colours, opaque])),
        "errors": _painted(errors, np.array(list(ERRORS.values()))),
    }


def _errors(
    truth: np.ndarray, labels: np.ndarray, is_seen: np.ndarray, labelled: np.ndarray
) -> np.ndarray:
    """(H, W) index into ERRORS, one past its end where there is no label."""
    was_seen = is_seen[np.where(labelled, truth, 0)]
    called_seen = is_seen[np.where(labels < len(is_seen), labels, 0)]
    outcomes = [~labelled, truth == labels, was_seen == called_seen, was_seen]
    return np.select(outcomes, [len(ERRORS), 0, 1, 2], 3)


def _painted(indices: np.ndarray, colours: np.ndarray) -> str:
    """(H, W), (n, 4) RGBA -> a PNG, transparent where an index is none of the colours'."""
    table = np.vstack([colours, np.zeros((1, 4))]).astype(np.uint8)
    return _uri(table[np.minimum(indices.astype(np.int64), len(colours))], "PNG")


def _uri(picture: np.ndarray, kind: str) -> str:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, kind, quality=85)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(buffer.getvalue()).decode()}"
