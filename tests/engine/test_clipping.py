from __future__ import annotations

from pathlib import Path

import miniature
import pytest
import torch
from torch.nn import Parameter

from zs3.engine.clipping import Clipping, build_clipping, no_clipping


def clipped(clip: Clipping) -> tuple[list[float], float]:
    """Gradients (3, 4) and (12,), of norms 5, 12 and together 13; and a parameter without."""
    parameters = [Parameter(torch.zeros(2)), Parameter(torch.zeros(1)), Parameter(torch.zeros(1))]
    parameters[0].grad = torch.tensor([3.0, 4.0])
    parameters[1].grad = torch.tensor([-12.0])
    norm = clip(parameters)
    return [*parameters[0].grad.tolist(), *parameters[1].grad.tolist()], norm.item()


@pytest.mark.parametrize(
    "kind, expected",
    [
        ("full_model", [3 / 13, 4 / 13, -12 / 13]),
        ("norm", [0.6, 0.8, -1.0]),
        ("value", [1.0, 1.0, -1.0]),
    ],
)
def test_each_kind_by_hand(tmp_path: Path, kind: str, expected: list) -> None:
    options = ("SOLVER.CLIP_GRADIENTS.ENABLED", True, "SOLVER.CLIP_GRADIENTS.CLIP_TYPE", kind)

    gradients, norm = clipped(build_clipping(miniature.config(tmp_path, *options)))

    assert gradients == pytest.approx(expected, abs=1e-5)
    assert norm == pytest.approx(13)


def test_other_norms(tmp_path: Path) -> None:
    cfg = miniature.config(
        tmp_path,
        *("SOLVER.CLIP_GRADIENTS.ENABLED", True, "SOLVER.CLIP_GRADIENTS.CLIP_TYPE", "full_model"),
        *("SOLVER.CLIP_GRADIENTS.NORM_TYPE", 1.0, "SOLVER.CLIP_GRADIENTS.CLIP_VALUE", 1.9),
    )

    gradients, norm = clipped(build_clipping(cfg))

    assert gradients == pytest.approx([0.3, 0.4, -1.2], abs=1e-5)
    assert norm == pytest.approx(19)


def test_no_clipping_only_measures(tmp_path: Path) -> None:
    assert build_clipping(miniature.config(tmp_path)) is no_clipping
    assert clipped(no_clipping) == ([3.0, 4.0, -12.0], pytest.approx(13))


def test_an_unknown_type_is_refused(tmp_path: Path) -> None:
    options = ("SOLVER.CLIP_GRADIENTS.ENABLED", True, "SOLVER.CLIP_GRADIENTS.CLIP_TYPE", "global")

    with pytest.raises(ValueError, match="CLIP_TYPE is 'global'; expected"):
        build_clipping(miniature.config(tmp_path, *options))
