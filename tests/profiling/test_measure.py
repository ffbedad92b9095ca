"""Measurements in processes of their own, and what is made of them."""

from __future__ import annotations

import io
import json
from dataclasses import asdict, replace

import pytest

from zs3.profiling import against
from zs3.profiling.against import opponent
from zs3.profiling.laps import total
from zs3.profiling.measure import ROOT, Measurement, Subject, measure, ratios
from zs3.profiling.tables import markdown, measurement_rows, ratio_rows, write_between
from zs3.profiling.worker import serve
from zs3.profiling.workload import Workload

ABOUT = {
    "classes": 20,
    "machine": "a machine",
    "weights": "none",
    "model_bytes": 3e6,
    "peak_bytes": None,
    "prompts": 80,
    "seconds_a_prompt": 0.01,
}


def measurement(*rounds: list[float], batch: int = 2) -> Measurement:
    """Rounds of steps of so many seconds, a quarter of them text."""
    laps = [[{"backbone": 0.75 * s, "text": 0.25 * s} for s in one] for one in rounds]
    return Measurement(Subject(Workload("a.yaml", batch=batch), "a"), ABOUT, laps)


def test_what_is_made_of_laps():
    found = measurement([0.1, 0.3, 0.2], [0.5, 0.4])
    assert found.median == pytest.approx(0.3)
    assert total(found.stages) == found.median
    assert found.images_per_second == pytest.approx(2 / 0.3)
    assert found.spread == pytest.approx((0.2, 0.4))
    assert found.p90 == pytest.approx(0.46)
    assert measurement([0.1]).p90 == pytest.approx(0.1)


def test_ratios_are_those_of_rounds():
    this, other = measurement([1.0], [2.0], [6.0]), measurement([2.0], [2.0], [3.0])
    assert ratios(this, other) == pytest.approx([0.5, 1.0, 2.0])
    assert ratios(this, other, "text") == pytest.approx([0.5, 1.0, 2.0])
    assert ratios(this, other, "loss") == []
    assert ratio_rows(this, other)[1:3] == [
        ["step", "1.00", "0.50 - 2.00"],
        ["backbone", "1.00", "0.50 - 2.00"],
    ]


def test_tables(tmp_path):
    rows = measurement_rows([measurement([0.1236]), measurement([12.0], batch=1)])
    assert ["images/s", "16.2", "0.0833"] in rows
    assert ["step, median (ms)", "124", "12000"] in rows
    assert ["peak above it (MB)", "not told", "not told"] in rows
    text = markdown(rows)
    assert text.splitlines()[1] == "|---|---:|---:|"
    assert "| text (ms) | 30.9 | 3000 |" in text

    document = tmp_path / "doc.md"
    document.write_text("before\nBEGIN\nold\nEND\nafter\n")
    write_between(document, "BEGIN", "END", text)
    assert document.read_text() == f"before\nBEGIN\n{text}\nEND\nafter\n"
    with pytest.raises(ValueError, match="lacks the line 'FIN'"):
        write_between(document, "BEGIN", "FIN", text)


def test_subjects_take_turns(workload, scripted):
    subjects = [Subject(workload(classes=classes), str(classes)) for classes in (2, 6)]
    found = measure(subjects, rounds=3, seconds=0)
    assert [m.median for m in found] == [2, 6]
    assert [len(m.rounds) for m in found] == [3, 3]
    assert ratios(*found) == pytest.approx([1 / 3] * 3)
    assert found[0].about["machine"] == f"a machine, zs3 of {ROOT}"


def test_a_process_says_what_is_wrong(workload, scripted):
    with pytest.raises(ValueError, match=r"^spnet: 13 brings bad luck\."):
        measure([Subject(workload(classes=13), "spnet")], rounds=1, seconds=0)
    with pytest.raises(RuntimeError, match="spnet: the process that measures ended early"):
        measure([Subject(workload(classes=99), "spnet")], rounds=1, seconds=0)
    with pytest.raises(ValueError, match="repeats is 0"):
        measure([Subject(workload(classes=1), "spnet")], rounds=0, seconds=0)


def test_what_the_process_answers(workload):
    request = json.dumps(asdict(workload("shapes/spnet", size=(32, 32))))
    answers = io.StringIO()
    serve(request, ["0", "0"], answers)
    about, *rounds = map(json.loads, answers.getvalue().splitlines())
    assert about["classes"] == 36
    assert [len(laps) for laps in rounds] == [1, 1]
    assert "readout" in rounds[0][0]

    answers = io.StringIO()
    serve(json.dumps(asdict(workload("shapes/spnt"))), [], answers)
    assert "no configuration file" in json.loads(answers.getvalue())["error"]


def test_a_real_process(workload):
    """Which finds zs3, and its own code, wherever it is started."""
    (found,) = measure([Subject(workload("shapes/spnet", size=(32, 32)), "spnet")], 1, 0)
    assert total(found.stages) == found.median > 0
    assert found.about["peak_bytes"] is None or found.about["peak_bytes"] > 0


def test_a_revision_brings_its_own_configuration(workload, monkeypatch):
    unpacked = []
    monkeypatch.setattr(against, "_unpack", lambda *given: unpacked.append(given))
    subject = Subject(workload("shapes/spnet"), "spnet")
    with opponent(subject, "v0.1") as other:
        tree = other.tree
        assert unpacked == [("v0.1", tree)]
        assert tree.is_dir() and tree != ROOT
        config = str(tree / "configs/shapes/spnet.yaml")
        assert other == Subject(replace(subject.workload, config_file=config), "v0.1", tree)
    assert not tree.exists()


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="zs3 does not lie in a git checkout")
def test_a_revision_is_unpacked(tmp_path):
    against._unpack("HEAD", tmp_path)
    assert (tmp_path / "zs3" / "segmentor.py").is_file()
    assert (tmp_path / "configs" / "shapes" / "spnet.yaml").is_file()


def test_neither_file_nor_revision(workload):
    message = "'no-such' is neither a configuration file nor a git revision"
    with (
        pytest.raises(ValueError, match=message),
        opponent(Subject(workload(), "zegformer"), "no-such"),
    ):
        pass
