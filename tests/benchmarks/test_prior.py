"""benchmarks/prior.py: what it asks for, and the table it writes; the models are others' tests."""

from pathlib import Path

import pytest

from zs3.config import get_config


def test_a_setting_stands_on_the_defaults_of_today(prior):
    cfg = get_config(opts=["MODEL.REFINERS", "['SeenBias']", "MODEL.SPECTRAL.COUNT", "3"])
    words = prior.changes(cfg, "STRIDE=1,FUSION=region_voting")
    changed = get_config(opts=words)
    assert changed.MODEL.REFINERS == ["SpectralPrior", "SeenBias"]
    assert (changed.MODEL.SPECTRAL.STRIDE, changed.MODEL.SPECTRAL.FUSION) == (1, "region_voting")
    assert changed.MODEL.SPECTRAL.COUNT == get_config().MODEL.SPECTRAL.COUNT  # not the run's 3


def test_the_network_is_alone_even_if_it_was_trained_with_the_prior(prior):
    cfg = get_config(opts=["MODEL.REFINERS", "['SpectralPrior', 'SeenBias']"])
    assert prior.changes(cfg, None) == ["MODEL.REFINERS", "['SeenBias']"]


def test_a_setting_that_is_none_is_refused(prior):
    with pytest.raises(ValueError, match="setting 'STRIDE:1': expected KEY=VALUE, with commas"):
        prior.changes(get_config(), "STRIDE:1")


def test_rows_of_other_models_stay(prior, tmp_path):
    document = tmp_path / "table.md"
    document.write_text(f"before\n{prior.BEGIN}\n{prior.END}\nafter\n")
    row = ("a", "set", "none", *["1.0"] * (len(prior.HEADING) - 3))
    other = ("b", *row[1:])
    for rows in ([row], [other], [(*row[:3], *["2.0"] * (len(row) - 3))]):
        table = prior.markdown(rows, document)
        document.write_text(f"before\n{prior.BEGIN}\n{table}\n{prior.END}\nafter\n")
    lines = document.read_text().splitlines()
    assert [line[:7] for line in lines if line.startswith(("| a", "| b"))] == ["| b | s", "| a | s"]
    assert "| 1.0 |" not in lines[-3] and "| 2.0 |" in lines[-3]


def test_the_title_is_that_of_the_configuration(prior):
    paths = ("runs/spnet/seed0", "runs/spnet", "configs/shapes/spnet.yaml")
    assert {prior.title_of(Path(path)) for path in paths} == {"spnet"}


def test_models_that_look_several_times_are_refused(prior, tmp_path):
    (tmp_path / "several.yaml").write_text("TEST:\n  AUG:\n    ENABLED: True\n")
    options = ["MODEL.WEIGHTS", "none"]
    with pytest.raises(ValueError, match=r"several.yaml looks at an image several times, but here"):
        prior.measure(tmp_path / "several.yaml", "shapes_mixed_test", options, [""])


def test_numbers_that_are_not_there_are_empty_cells(prior):
    cells = prior.cells({"mIoU": 12.34, "FB-IoU": float("nan")})
    assert cells[0] == "12.3" and set(cells[1:]) == {""}
