"""`zs3 evaluate` from the command line to its files."""

import json

import numpy as np
import pytest
from PIL import Image

from zs3.commands.evaluate import main
from zs3.evaluation.page.evaluated import read_evaluations
from zs3.runtime.data import DatasetCatalog, MetadataCatalog

LABELS = np.array([[0, 1, 2, 255]] * 4, np.uint8)


@pytest.fixture
def dataset(tmp_path):
    """A described dataset of two images, and predictions that are right."""
    for folder in ("images", "labels", "theirs"):
        (tmp_path / folder).mkdir()
    for i in range(2):
        Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(tmp_path / f"images/{i}.png")
        Image.fromarray(LABELS).save(tmp_path / f"labels/{i}.png")
        Image.fromarray(LABELS % 255).save(tmp_path / f"theirs/{i}.png")
    name = f"scored_{tmp_path.name}"
    (tmp_path / "data.yaml").write_text(
        f"name: {name}\nnames: [sky, tree, cat]\nunseen: [cat]\n"
        "val: {images: images, labels: labels}\n"
    )
    yield tmp_path
    if f"{name}_val" in DatasetCatalog.list():
        DatasetCatalog.remove(f"{name}_val")
        MetadataCatalog.remove(f"{name}_val")


def run(folder, *options):
    arguments = ["--predictions", str(folder / "theirs"), "--output", str(folder / "scores")]
    main([*arguments, "--dataset", str(folder / "data.yaml"), *options])
    return json.loads((folder / "scores/metrics.json").read_text())


def test_tables_and_files(dataset, capsys):
    protocols = ["--protocol", "generalized", "mmseg"]
    metrics = run(dataset, *protocols, "--boundary-iou", "--per-class")
    assert metrics["sem_seg"]["hIoU"] == metrics["sem_seg"]["mBIoU"] == 100
    assert metrics["sem_seg_mmseg"]["mIoU(U)"] == 100
    said = capsys.readouterr().out
    assert "hIoU" in said and "mIoU(S)" in said and "cat" in said
    for name in ("per_class.csv", "confusion.npz"):
        assert (dataset / "scores" / name).exists() and name in said


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_page_with_images_and_what_was_run(dataset, jobs, capsys):
    scores = dataset / "scores"
    scores.mkdir()
    (scores / "calibration.json").write_text("of an earlier evaluation")
    Image.fromarray(LABELS * 0).save(dataset / "theirs/1.png")
    run(dataset, "--jobs", jobs)
    assert "report.html" in capsys.readouterr().out
    (read,) = read_evaluations([scores])
    assert read.dataset == f"scored_{dataset.name}_val" and read.calibrations == {}
    assert read.record["versions"]["zs3"] and "config" not in read.record
    # The second image is all sky: one column of three is right, a third of those it fills.
    files = [str(dataset / f"images/{i}.png") for i in range(2)]
    assert read.images["scores"] == dict(zip(files, [100, 11.1111], strict=True))
    assert [[entry["file"] for entry in read.images[k]] for k in ("best", "worst")] == [
        files[:1],
        files[1:],
    ]
    page = (scores / "report.html").read_text()
    assert "data:image" in page and read.record["date"].replace("T", " ") in page


def test_images_are_kept_for_the_standard_protocol_alone(dataset):
    run(dataset)
    for i in range(2):
        Image.fromarray(LABELS * 0).save(dataset / f"theirs/{i}.png")
    run(dataset, "--protocol", "unseen")
    left = {path.name for path in (dataset / "scores").iterdir()}
    assert left == {"metrics.json", "per_class.csv", "confusion.npz", "run.json"}


def test_what_values_mean(dataset):
    (dataset / "names.json").write_text('{"tree": 0, "sky": 1}')
    scores = run(dataset, "--names", str(dataset / "names.json"), "--ignore", "2")["sem_seg"]
    assert scores["pAcc"] == 0


def test_what_values_mean_by_offset(dataset):
    for i in range(2):
        Image.fromarray(np.where(LABELS == 255, 0, LABELS + 1)).save(dataset / f"theirs/{i}.png")
    assert run(dataset, "--offset", "1", "--ignore", "0")["sem_seg"]["pAcc"] == 100


def test_what_counts_as_seen_elsewhere(dataset):
    names = {"names": ["cat", "sky"], "is_seen": [True, False]}
    (dataset / "vocabulary.json").write_text(json.dumps(names))
    trained = ["--protocol", "cross_dataset", "--trained", str(dataset / "vocabulary.json")]
    assert run(dataset, *trained)["sem_seg_cross_dataset"]["hIoU"] == 100
    rows = (dataset / "scores/per_class.csv").read_text().splitlines()
    assert [row.split(",")[:2] for row in rows[1:]] == [
        ["sky", "unseen"],
        ["tree", "unseen"],
        ["cat", "seen"],
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--part", "train"], "has no part 'train'; it has val"),
        (["--protocol", "unsen"], "Did you mean 'unseen'"),
        (["--protocol", "unseen", "seen"], "ask different questions"),
        (
            ["--protocol", "cross_dataset"],
            "what the system was trained on; name that with --trained: a",
        ),
        (["--protocol", "unseen"], "2 of 2 predictions hold values"),
        (["--names", "n.json", "--offset", "1"], "no --offset to give"),
        (["--names", "nowhere.json"], r"nowhere\.json"),
        (["--dataset", "shapes_mixed_tst"], "Did you mean 'shapes_mixed_test'"),
        (["--dataset", "qqqq"], "YAML file that describes them: .* given to a command"),
        (["--trained", "qqqq"], "no dataset is called 'qqqq'"),
        (["--predictions", "nowhere"], "no folder of predictions nowhere"),
    ],
)
def test_mistakes_are_one_line(dataset, options, message):
    with pytest.raises(SystemExit, match=f"^error: .*{message}") as stop:
        run(dataset, *options)
    assert "\n" not in str(stop.value)


def test_what_segment_has_written_for_all_photos(tmp_path):
    """Four photos in a folder inside the folder of photos, one of them for validation."""
    for kind in ("images", "labels", "segmented/labels"):
        (tmp_path / kind / "city").mkdir(parents=True)
    for i in range(4):
        image = Image.fromarray(np.full((4, 4, 3), i, np.uint8))
        image.save(tmp_path / f"images/city/{i}.jpg")
        Image.fromarray(LABELS).save(tmp_path / f"labels/city/{i}.png")
        Image.fromarray(LABELS % 255).save(tmp_path / f"segmented/labels/city/{i}.png")
    name = f"walk_{tmp_path.name}"
    description = tmp_path / "walk.yaml"
    description.write_text(
        f"name: {name}\nnames: [sky, tree, cat]\nunseen: [cat]\n"
        "split: {images: images, labels: labels, val_percent: 25}\n"
    )
    predictions = ["--predictions", str(tmp_path / "segmented/labels")]
    output = tmp_path / "scores"
    try:
        main([*predictions, "--dataset", str(description), "--output", str(output)])
        assert json.loads((output / "metrics.json").read_text())["sem_seg"]["hIoU"] == 100
        assert len(json.loads((output / "images.json").read_text())["scores"]) == 1
        Image.fromarray(LABELS).save(tmp_path / "segmented/labels/city/none.png")
        with pytest.raises(SystemExit, match=r"1 PNG files belong to no image of .*none\.png"):
            main([*predictions, "--dataset", str(description), "--output", str(output)])
    finally:
        for part in ("train", "val"):
            DatasetCatalog.remove(f"{name}_{part}")
            MetadataCatalog.remove(f"{name}_{part}")


def test_episodes_have_no_files(dataset):
    name = f"episodes_{dataset.name}"
    DatasetCatalog.register(name, lambda: [{"file_name": "a.jpg"}])
    MetadataCatalog.get(name).set(evaluator_type="episodes")
    try:
        with pytest.raises(SystemExit, match="asks for one class an episode"):
            run(dataset, "--dataset", name)
    finally:
        DatasetCatalog.remove(name)
        MetadataCatalog.remove(name)
