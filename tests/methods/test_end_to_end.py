"""From a folder of one's own images to a trained model, its scores, and segmented files."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import zs3
from zs3.commands import report, segment, train
from zs3.data.datasets.shapes import ShapesSet, unseen_names
from zs3.data.reading import read_label
from zs3.data.shapes import NAMES
from zs3.evaluation.protocols import task_of
from zs3.runtime.data import DatasetCatalog, MetadataCatalog

ROOT = Path(__file__).parents[2]
METHODS = ("zegformer", "spnet")


@pytest.fixture(scope="module")
def prepare_shapes():
    spec = importlib.util.spec_from_file_location("prepare", ROOT / "datasets/prepare/shapes.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module", params=METHODS)
def run(request, prepare_shapes, tmp_path_factory) -> Iterator[Path]:
    """A directory with photos, and `model`, trained for a few steps on them."""
    folder = tmp_path_factory.mktemp("run")
    photos = folder / "photos"
    description = prepare_shapes.write_dataset(photos, ShapesSet(5, 10, seen_only=True), "mixed")
    config = folder / "own.yaml"
    config.write_text(
        f"_BASE_: {ROOT / 'configs/shapes' / f'{request.param}.yaml'}\n"
        f"DATASETS:\n  FILES: ['{description}']\n  TRAIN: [photos_train]\n  TEST: [photos_val]\n"
        "MODEL: {DEVICE: cpu}\n"
        "SOLVER: {MAX_ITER: 3, IMS_PER_BATCH: 2, WARMUP_ITERS: 0, LOG_PERIOD: 1}\n"
        f"OUTPUT_DIR: '{folder / 'model'}'\n"
    )
    train.main(["--config-file", str(config)])
    yield folder
    for part in ("photos_train", "photos_val"):
        DatasetCatalog.remove(part)
        MetadataCatalog.remove(part)


def test_training_leaves_scores_pictures_and_a_model(run):
    model = run / "model"
    scores = json.loads((model / "inference/photos_val/metrics.json").read_text())["sem_seg"]
    assert {"pAcc", "mAcc", "mIoU", "IoU-grass"} <= set(scores)
    assert (model / "inference/photos_val/per_class.csv").read_text().startswith("class,")
    assert list((model / "inference/photos_val/pictures").glob("*.png"))
    lines = [json.loads(line) for line in (model / "metrics.json").read_text().splitlines()]
    assert [line["iteration"] for line in lines] == [0, 1, 2]
    for name in ("config.yaml", "vocabulary.json", "model_final.safetensors", "last_checkpoint"):
        assert (model / name).exists(), name


def test_an_evaluation_leaves_its_report_and_what_to_write_it_from(run, tmp_path):
    folder = run / "model/inference/photos_val"
    record = json.loads((folder / "run.json").read_text())
    assert record["config"] == (run / "model/config.yaml").read_text()
    assert json.loads((run / "model/run.json").read_text())["versions"] == record["versions"]
    report.main([str(run / "model"), "--output", str(tmp_path / "again.html")])
    assert (tmp_path / "again.html").read_bytes() == (folder / "report.html").read_bytes()


def test_no_report_of_an_earlier_evaluation_is_left_to_be_taken_for_this_one(run, tmp_path):
    folder = tmp_path / "inference/photos_val"
    folder.mkdir(parents=True)
    for name in ("report.html", "images.json"):
        (folder / name).touch()
    options = ["MODEL.WEIGHTS", str(run / "model"), "OUTPUT_DIR", str(tmp_path)]
    options += ["TEST.REPORT", "False"]
    train.main(["--config-file", str(run / "own.yaml"), "--eval-only", *options])
    left = {path.name for path in folder.iterdir()}
    assert left == {"metrics.json", "per_class.csv", "confusion.npz", "run.json", "pictures"}


def test_evaluating_the_saved_model_gives_the_same_scores(run, tmp_path):
    weights = ["MODEL.WEIGHTS", str(run / "model"), "OUTPUT_DIR", str(tmp_path)]
    train.main(["--config-file", str(run / "own.yaml"), "--eval-only", *weights])
    scores = (tmp_path / "inference/photos_val/metrics.json").read_text()
    assert scores == (run / "model/inference/photos_val/metrics.json").read_text()


def test_other_protocols_ask_the_model_again(run, tmp_path):
    names = ["generalized", "seen", "cross_dataset", "mmseg", "spnet"]
    options = ["OUTPUT_DIR", str(tmp_path), "TEST.PROTOCOLS", str(names)]
    options += ["TEST.BOUNDARY_IOU", "True", "TEST.CALIBRATION.GAMMAS", "[0.0, 0.1]"]
    options += ["MODEL.WEIGHTS", str(run / "model")]
    train.main(["--config-file", str(run / "own.yaml"), "--eval-only", *options])
    folder = tmp_path / "inference/photos_val"
    tasks = {
        task: scores
        for path in (folder, *(folder / name for name in ("seen", "cross_dataset", "spnet")))
        for task, scores in json.loads((path / "metrics.json").read_text()).items()
    }
    assert set(tasks) == {task_of(name) for name in names}
    standard, seen = tasks["sem_seg"], tasks["sem_seg_seen"]
    # Trained and tested on the same names: what training has seen is the split.
    assert tasks["sem_seg_cross_dataset"] == standard
    assert tasks["sem_seg_mmseg"]["aAcc"] == standard["pAcc"]
    assert tasks["sem_seg_spnet"]["Overall Acc"] == standard["pAcc"]
    assert {key[4:] for key in seen if key.startswith("IoU-")} == set(NAMES) - set(
        unseen_names("mixed")
    )
    assert seen["pAcc"] >= standard["pAcc"]  # fewer names to be mistaken for
    assert "S-BIoU" in standard and "mBIoU" in seen
    curve = json.loads((folder / "calibration.json").read_text())
    assert curve["gammas"] == [0, 0.1]
    assert curve["S"][0] == pytest.approx(standard["S-mIoU"], abs=1e-4)
    # Another evaluation leaves nothing behind that is not its own.
    weights = ["OUTPUT_DIR", str(tmp_path), "MODEL.WEIGHTS", str(run / "model")]
    train.main(["--config-file", str(run / "own.yaml"), "--eval-only", *weights])
    assert not (folder / "calibration.json").exists()


def test_the_directory_can_be_loaded_and_asked_about_other_names(run):
    segmenter = zs3.load(run / "model", ["MODEL.DEVICE", "cpu"])
    image = next((run / "photos/images").iterdir())
    result = segmenter.segment(image, classes=["a spoon", "grass", "red star"])
    assert result.labels.shape == (96, 96) and result.scores.shape == (3, 96, 96)
    assert len(segmenter.vocabulary()) == 36


def test_the_demo_segments_a_folder(run, tmp_path, capsys):
    (run / "photos/images/broken.png").write_bytes(b"broken")
    arguments = ["--model", str(run / "model"), "--input", str(run / "photos/images")]
    segment.main([*arguments, "--output", str(tmp_path), "--classes", "grass, water, red star"])
    (run / "photos/images/broken.png").unlink()

    assert "10 of 11 images segmented" in capsys.readouterr().out
    report = json.loads((tmp_path / "report.json").read_text())
    assert [Path(entry["file"]).name for entry in report["failed"]] == ["broken.png"]
    labels = read_label(tmp_path / report["images"][0]["labels"])
    assert labels.shape == (96, 96) and np.unique(labels).max() < 3


def test_resuming_a_finished_run_changes_nothing(run):
    weights = (run / "model/model_final.safetensors").read_bytes()
    train.main(["--config-file", str(run / "own.yaml"), "--resume"])
    assert (run / "model/model_final.safetensors").read_bytes() == weights


def test_evaluating_without_naming_weights_takes_those_of_the_directory(run, tmp_path):
    config = ["--config-file", str(run / "own.yaml"), "--eval-only"]
    before = (run / "model/config.yaml").read_text()
    train.main([*config, "MODEL.SEEN_BIAS.GAMMA", "0.0"])
    assert (run / "model/config.yaml").read_text() == before
    with pytest.raises(SystemExit, match="no weights to evaluate in OUTPUT_DIR"):
        train.main([*config, "OUTPUT_DIR", str(tmp_path)])


def test_training_anew_keeps_the_earlier_run_usable(run):
    weights = (run / "model/model_final.safetensors").read_bytes()
    train.main(["--config-file", str(run / "own.yaml"), "SEED", "1"])
    earlier = run / "model/earlier_1"
    assert (earlier / "model_final.safetensors").read_bytes() == weights
    assert (run / "model/model_final.safetensors").read_bytes() != weights
    image = next((run / "photos/images").iterdir())
    assert zs3.load(earlier, ["MODEL.DEVICE", "cpu"]).segment(image).labels.shape == (96, 96)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["MODEL.READOUT.NAME", "PixelReadout"], "PixelReadout"),
        (["MODEL.NAMING.WITH_VOID", "False"], "MODEL.NAMING.WITH_VOID"),
    ],
)
def test_parts_that_do_not_fit_are_refused_before_training(run, tmp_path, options, message):
    config = ["--config-file", str(ROOT / "configs/shapes/zegformer.yaml")]
    data = ["DATASETS.TRAIN", "['photos_train']", "DATASETS.TEST", "['photos_val']"]
    data += ["DATASETS.FILES", f"['{run / 'photos/photos.yaml'}']", "OUTPUT_DIR", str(tmp_path)]
    with pytest.raises(SystemExit, match=message):
        train.main([*config, *data, *options])
    assert not (tmp_path / "metrics.json").exists()
