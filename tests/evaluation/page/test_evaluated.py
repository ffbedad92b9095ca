"""Reading back what evaluations have left."""

from __future__ import annotations

import json

import numpy as np
import pytest

from zs3.evaluation.page.evaluated import read_evaluations

NAMES = ["sky", "tree", "cat", "car"]


def test_everything_that_was_written_is_read(evaluate):
    folder = evaluate("first", NAMES, ["cat"])
    (read,) = read_evaluations([folder])
    assert (read.run, read.dataset) == ("first", "toy_test")
    assert [each.name for each in read.classes] == NAMES
    assert read.is_seen.tolist() == [True, True, False, True]
    assert read.classes[2].kind == "odd" and read.classes[2].truth == read.confusion[2].sum()
    metrics = json.loads((folder / "metrics.json").read_text())["sem_seg"]
    assert read.scores["sem_seg"]["hIoU"] == metrics["hIoU"]
    assert read.classes[1].iou == pytest.approx(metrics["IoU-tree"])
    assert not any(name.startswith(("IoU-", "ACC-")) for name in read.scores["sem_seg"])
    assert len(read.images["scores"]) == 5 and read.record["config"] == "SEED: 0\n"
    assert read.calibrations == {}


def test_a_run_stands_for_all_its_evaluations_and_none_counts_twice(evaluate):
    fresh, test = (evaluate("first", NAMES, dataset=name) for name in ("a_fresh", "b_test"))
    read = read_evaluations([fresh.parents[1], test])
    assert [(each.run, each.dataset) for each in read] == [
        ("first", "a_fresh"),
        ("first", "b_test"),
    ]


def test_the_record_names_the_set_and_need_not_have_a_configuration(evaluate, tmp_path):
    folder = evaluate("first", NAMES)
    record = json.loads((folder / "run.json").read_text())
    del record["config"]
    (folder / "run.json").write_text(json.dumps(record | {"dataset": "toy_val"}))
    folder = folder.rename(tmp_path / "theirs")
    (read,) = read_evaluations([folder])
    assert (read.run, read.dataset) == ("theirs", "toy_val")


def test_runs_are_called_by_what_tells_them_apart(evaluate):
    folders = [evaluate(f"{method}/seed0", NAMES) for method in ("spnet", "zegformer")]
    assert [each.run for each in read_evaluations(folders)] == ["spnet/seed0", "zegformer/seed0"]


def test_scores_and_classes_are_enough(evaluate):
    folder = evaluate("first", NAMES)
    for name in ("confusion.npz", "images.json", "run.json"):
        (folder / name).unlink()
    (read,) = read_evaluations([folder])
    assert read.confusion is None and read.images == {} and read.record == {}


def test_a_directory_without_an_evaluation(evaluate, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"holds no evaluation: no metrics\.json beside"):
        read_evaluations([tmp_path])
    folder = evaluate("first", NAMES)
    (folder / "metrics.json").unlink()
    with pytest.raises(FileNotFoundError, match="Give an OUTPUT_DIR"):
        read_evaluations([folder])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("metrics.json", b'{"sem_seg": ', "JSONDecodeError"),
        ("metrics.json", b"{}", "no scores"),
        ("metrics.json", b'{"sem_seg": 1}', "AttributeError"),
        ("images.json", b'{"scores": {}}', "'best'"),
        ("run.json", b"[]", "TypeError"),
        ("calibration.json", b'{"gammas": []}', "'S'"),
        ("per_class.csv", b"class,split\nsky,seen\n", "'IoU'"),
        ("confusion.npz", b"nothing", "ValueError"),
        ("confusion.npz", b"", "EOFError"),
    ],
)
def test_a_damaged_file_is_named(evaluate, name, content, message):
    folder = evaluate("first", NAMES)
    (folder / name).write_bytes(content)
    with pytest.raises(ValueError, match=rf"{name} is damaged \(.*{message}.*; evaluate again"):
        read_evaluations([folder])


def test_a_confusion_matrix_of_other_classes_is_refused(evaluate):
    folder = evaluate("first", NAMES)
    np.savez(folder / "confusion.npz", confusion=np.eye(3))
    with pytest.raises(ValueError, match=r"\(3, 3\), but per_class\.csv lists 4 classes"):
        read_evaluations([folder])
