"""The curve of hIoU over the seen bias gamma, as files."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass

import numpy as np

from .confusion import harmonic_mean

FILES = ("calibration.json", "calibration.csv", "calibration.png")
NOTE = (
    "The best gamma is found on the very images it is scored on: an upper bound, not a fair "
    "result. Choose gamma on other images, and for other unseen classes, than those of the test."
)


@dataclass(frozen=True)
class Curve:
    """
    Attributes:
        gammas: G of them, ascending.
        seen, unseen: mean IoU of the seen and of the unseen classes at each (%).
    """

    gammas: list[float]
    seen: list[float]
    unseen: list[float]

    @property
    def harmonic(self) -> list[float]:
        """hIoU at every gamma."""
        return [harmonic_mean(s, u) for s, u in zip(self.seen, self.unseen, strict=True)]

    @property
    def best(self) -> int:
        """Index of the highest hIoU, the first of several."""
        return int(np.argmax(np.nan_to_num(self.harmonic)))

    def files(self) -> dict[str, bytes]:
        """
        Contents of calibration.json ("gammas", "S", "U", "hIoU": lists of one length; "best": a
        gamma; "note": what is wrong with it), calibration.csv (one line a gamma), calibration.png.
        """
        columns = {"gammas": self.gammas, "S": self.seen, "U": self.unseen, "hIoU": self.harmonic}
        defined = {
            name: [None if np.isnan(value) else round(value, 6) for value in values]
            for name, values in columns.items()
        }
        told = {**defined, "best": defined["gammas"][self.best], "note": NOTE}
        table = io.StringIO()
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(("gamma", "S", "U", "hIoU"))
        writer.writerows(zip(*defined.values(), strict=True))
        contents = (
            (json.dumps(told, indent=1) + "\n").encode(),
            table.getvalue().encode(),
            self._picture(),
        )
        return dict(zip(FILES, contents, strict=True))

    def _picture(self) -> bytes:
        from matplotlib.figure import Figure  # slow to import, and rarely needed

        figure = Figure(figsize=(7, 4.5), layout="constrained")
        axes = figure.subplots()
        for name, values, style in (
            ("S-mIoU", self.seen, "--"),
            ("U-mIoU", self.unseen, ":"),
            ("hIoU", self.harmonic, "-"),
        ):
            axes.plot(self.gammas, values, style, marker=".", label=name)
        gamma, height = self.gammas[self.best], self.harmonic[self.best]
        axes.axvline(
            gamma, color="0.6", zorder=0, label=f"best here: gamma {gamma:g}, hIoU {height:.1f}"
        )
        axes.set_xlabel("gamma, subtracted from the scores of seen classes")
        axes.set_ylabel("%")
        axes.set_title("Found on the test images: an upper bound, not a fair result", fontsize=10)
        axes.legend()
        picture = io.BytesIO()
        figure.savefig(picture, format="png", dpi=120)
        return picture.getvalue()
