"""The benchmark of cost aggregation: its plain form, what it measures, and its table."""

from __future__ import annotations

from pathlib import Path

import pytest

SHAPES = str(Path(__file__).parents[2] / "configs" / "shapes" / "cat_seg.yaml")


@pytest.fixture
def model(aggregation):
    def build(*options):
        named = [
            f"MODEL.AGGREGATION.{name}" if i % 2 == 0 else name for i, name in enumerate(options)
        ]
        return aggregation.Model("small", SHAPES, tuple(named))

    return build


@pytest.mark.parametrize(
    "options",
    [
        ("LAYERS", "2", "CLASS_CHUNK", "7", "MLP_IDENTITY", "True"),
        ("POOLING", "[2, 2]", "PAD_TO", "50", "KEEP", "12"),
    ],
)
def test_the_plain_form_gives_the_same_logits(aggregation, model, options):
    assert aggregation.difference(model(*options), size=96, threads=1) < 1e-5


@pytest.mark.parametrize("form", ["slices", "at once", "plain"])
def test_every_form_is_measured(aggregation, model, form):
    cost = aggregation.measured(aggregation.Job(model(), form, 5, 96), threads=1, seconds=0)
    assert cost.seconds > 0
    assert cost.peak is None or cost.peak >= 0


def test_more_names_than_fit_are_asked_in_slices_only(aggregation, monkeypatch, capsys, tmp_path):
    asked = []

    def alone(work, *arguments):
        if work is aggregation.difference:
            return 2e-6
        asked.append(arguments[0])
        return aggregation.Cost(0.5, 10**6 * arguments[0].classes)

    monkeypatch.setattr(aggregation, "alone", alone)
    document = tmp_path / "doc.md"
    document.write_text(f"{aggregation.BEGIN}\n{aggregation.END}\n")
    command = ["--classes", "150", "847", "--size", "640", "--threads", "1"]
    aggregation.main([*command, "--markdown", str(document)])
    assert {(job.form, job.classes) for job in asked if job.model.name == "v1"} == {
        *((form, 150) for form in aggregation.FORMS),
        ("slices", 847),
    }
    assert {job.classes for job in asked if job.model.name == "v2, 256 names kept"} == {847}
    table = document.read_text()
    assert "| v1 | 640 | 150 | 2.00 | 150 | 2.00 | 150 | 2.00 | 150 |" in table
    assert "| v1 | 640 | 847 | 2.00 | 847 | - | - | - | - |" in table
    assert "* port, windows: 5.65 times the memory of 150 names for 847." in table
    assert "* v1: largest difference from the plain form 2e-06." in table
    assert "5.65 times" in capsys.readouterr().out


def test_other_logits_are_an_error(aggregation, monkeypatch):
    monkeypatch.setattr(aggregation, "alone", lambda work, *arguments: 0.01)
    with pytest.raises(SystemExit, match="error: v2, all names: the plain form's logits differ by"):
        aggregation.main(["--threads", "1"])


def test_what_cannot_be_measured_is_refused_first(aggregation, monkeypatch, tmp_path):
    monkeypatch.setattr(aggregation, "alone", lambda *_: pytest.fail("it worked already"))
    with pytest.raises(SystemExit, match="error: classes, size and threads are numbers of 1 or"):
        aggregation.main(["--classes", "0"])
    (tmp_path / "doc.md").write_text("nothing")
    with pytest.raises(SystemExit, match=r"error: .*doc\.md lacks the line"):
        aggregation.main(["--markdown", str(tmp_path / "doc.md")])
