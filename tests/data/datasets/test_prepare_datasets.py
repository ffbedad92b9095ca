"""From each publisher's layout to samples: what is written, and what is refused."""

from __future__ import annotations

import os
import shutil

import numpy as np
import publishers
import pytest
import torch
from PIL import Image
from publishers import H, W, label_map

from zs3.config import get_config
from zs3.data import build_test_loader, build_train_loader, load_dataset, read_label, vocabulary_of
from zs3.evaluation import ZeroShotEvaluator

ARCHIVES = {
    "voc2012": (publishers.voc2012, publishers.VOC2012_LISTS),
    "pascal_context": (publishers.pascal_context, publishers.CONTEXT_LISTS),
    "pascal_context33": (publishers.pascal_context33, publishers.CONTEXT_LISTS),
    "cocostuff": (publishers.cocostuff, {}),
    "coco20i": (publishers.coco20i, publishers.COCO20I_LISTS),
    "ade20k150": (publishers.ade20k150, {}),
    "ade20k847": (publishers.ade20k847, {}),
}
COUNTS = {"cocostuff": (2, 1), "ade20k150": (1, 1), "ade20k847": (1, 1)}


@pytest.fixture
def unpacked(root, small):
    """unpacked("voc2012"): its miniature is in the folder of datasets."""

    def unpack(name):
        build, lists = ARCHIVES[name]
        build(root)
        small(lists, COUNTS.get(name, (0, 0)))

    return unpack


def first_values(path, count=6):
    return read_label(path).ravel()[:count].tolist()


def written(root):
    return sorted(
        str(path.relative_to(root)) for path in (root / "zs3").rglob("*") if path.is_file()
    )


def test_voc(unpacked, run, root):
    unpacked("voc2012")
    run("voc2012")
    labels = root / "zs3" / "labels"
    assert first_values(labels / "voc20" / "t0.png") == [255, 0, 255] * 2
    assert first_values(labels / "voc20" / "t1.png") == [255, 5, 10] * 2
    assert first_values(labels / "voc20" / "v0.png", 4) == [255, 19, 15, 255]
    assert first_values(labels / "voc21" / "v0.png", 4) == [0, 20, 16, 255]
    assert [s["image_id"] for s in load_dataset("voc2012_15-5_train")] == ["t0", "t1"]


def test_voc_with_masks_as_they_circulate(unpacked, run, root):
    unpacked("voc2012")
    run("voc2012")
    before = (root / "zs3/labels/voc20/t1.png").read_bytes()
    merged = root / "VOCdevkit/VOC2012/SegmentationClassAug/t1.png"
    publishers.write_png(merged, label_map(0, 6, 11))
    shutil.rmtree(root / "benchmark_RELEASE")
    shutil.rmtree(root / "zs3")
    run("voc2012")
    assert (root / "zs3/labels/voc20/t1.png").read_bytes() == before


def test_episodes_of_pascal_5i(unpacked, run):
    unpacked("voc2012")
    run("voc2012")
    assert [(s["image_id"], s["episode"]) for s in load_dataset("pascal5i_fold1_train")] == [
        ("t0", "aeroplane"),
        ("t1", "diningtable"),
    ]
    episodes = load_dataset("pascal5i_fold1_val")
    assert [(s["image_id"], s["episode"]) for s in episodes] == [("t1", "bus")]
    asked = [s["vocabulary"] for s in load_dataset("pascal5i_fold3_val")]
    assert [v.names for v in asked] == [("others", "tvmonitor"), ("others", "pottedplant")]
    assert asked[0].unseen == ("tvmonitor",)
    vocabulary = vocabulary_of("pascal5i_fold3_val")
    assert vocabulary.names[20] == "tvmonitor" and vocabulary.synonyms[0] == ("others",)


def test_pascal_context(unpacked, run, root):
    unpacked("pascal_context")
    run("pascal_context")
    labels = root / "zs3" / "labels"
    assert first_values(labels / "context59" / "t0.png", 3) == [0, 255, 1]
    assert first_values(labels / "context60" / "t0.png", 3) == [1, 0, 21]
    assert first_values(labels / "context459" / "t0.png", 3) == [1, 0, 8]
    assert read_label(labels / "context459" / "v0.png").dtype == np.uint16
    assert first_values(labels / "context459" / "v0.png", 2) == [457, 458]
    assert (
        len(load_dataset("context59_49-10_val")) == 2 and len(load_dataset("context459_val")) == 1
    )


def test_pascal_context_from_detail_is_the_same(unpacked, run, root):
    unpacked("pascal_context")
    run("pascal_context")
    before = {name: (root / name).read_bytes() for name in written(root)}
    maps = {
        file.stem: publishers.label_map(*values)
        for file, values in zip(
            sorted((root / "VOCdevkit/VOC2010/trainval").iterdir()),
            ((2, 1, 9), (458, 459), (2,)),
            strict=True,
        )
    }
    shutil.rmtree(root / "VOCdevkit/VOC2010/trainval")
    publishers.write_detail(root / "VOCdevkit/VOC2010/trainval_merged.json", maps)
    run("pascal_context", "--force")
    assert {name: (root / name).read_bytes() for name in written(root)} == before


def test_pascal_context_33(unpacked, run, root):
    unpacked("pascal_context33")
    run("pascal_context33")
    assert first_values(root / "zs3/labels/context33/t0.png", 3) == [255, 0, 32]
    assert len(load_dataset("context33_29-4_val")) == 2


def test_cocostuff(unpacked, run, root):
    unpacked("cocostuff")
    run("cocostuff")
    file = root / "zs3/labels/coco171/train2017/000000000009.png"
    assert first_values(file, 5) == [0, 10, 11, 170, 255]
    (sample,) = load_dataset("cocostuff182_167-15_val")
    assert first_values(sample["sem_seg_file_name"], 5) == [0, 10, 12, 181, 255]


def test_coco_20i_from_instances(unpacked, run, root):
    unpacked("coco20i")
    run("coco20i")
    labels = read_label(root / "zs3/labels/coco81/val2014/COCO_val2014_000000000042.png")
    expected = np.full((H, W), 2)  # COCO's category 2, and then 90 and 13 over it
    expected[:, 5] = 4
    expected[:2, 0] = 3
    np.testing.assert_array_equal(labels, expected)


def test_coco_20i_from_masks(unpacked, run, root):
    unpacked("coco20i")
    for part in ("train2014", "val2014"):
        (image,) = (root / "coco" / part).iterdir()
        mask = root / "coco/annotations" / part / f"{image.stem}.png"
        publishers.write_png(mask, label_map(0, 80))
        (root / "coco/annotations" / f"instances_{part}.json").unlink()
    run("coco20i")
    (sample,) = load_dataset("coco20i_fold2_val")
    assert sample["episode"] == "car"
    assert first_values(sample["sem_seg_file_name"], 2) == [0, 80]


def test_ade20k(unpacked, run, root):
    unpacked("ade20k150")
    run("ade20k150")
    assert first_values(root / "zs3/labels/ade150/training/ADE_train_00000001.png", 3) == [
        255,
        0,
        149,
    ]


def test_ade20k_full(unpacked, run, root):
    unpacked("ade20k847")
    run("ade20k847")
    file = root / "zs3/labels/ade847/training/ADE_train_00000001.png"
    assert first_values(file, 3) == [0, 1, 65535]
    (sample,) = load_dataset("ade20k847_572-275_val")
    with Image.open(sample["file_name"]) as image:
        assert image.size == (W, H)


def test_large_images_of_ade20k_full_are_made_small(unpacked, run, root, script):
    unpacked("ade20k847")
    scene = root / "ADE20K_2021_17_01/images/ADE/validation/urban/street"
    publishers.write_image(scene / "ADE_val_00000001.jpg", 520, 1040)
    values = np.zeros((520, 1040), np.uint16)
    values[:, 520:] = 2978
    publishers.write_ade_mask(scene / "ADE_val_00000001_seg.png", values)
    run("ade20k847")
    (sample,) = load_dataset("ade20k847_val")
    with Image.open(sample["file_name"]) as image:
        assert image.size == (1024, 512)
    label = read_label(sample["sem_seg_file_name"])
    assert label.shape == (512, 1024)
    assert (label[:, :512] == 65535).all() and (label[:, 512:] == 0).all()


@pytest.mark.parametrize("name", ARCHIVES)
def test_a_second_run_reads_and_writes_nothing_anew(unpacked, run, root, name, monkeypatch, capsys):
    unpacked(name)
    run(name)
    said = capsys.readouterr().out
    before = {file: (root / file).stat().st_mtime_ns for file in written(root)}
    labels = [file for file in before if "histograms" not in file]
    run(name)
    assert [before[file] for file in labels] == [
        (root / file).stat().st_mtime_ns for file in labels
    ]
    assert capsys.readouterr().out == said  # the histogram of what is there is the same
    (root / labels[0]).write_bytes(b"half a fi")
    monkeypatch.setattr(os, "getpid", lambda: 7)
    run(name)
    assert read_label(root / labels[-1]).shape == (H, W)
    assert written(root) == sorted(before)


def test_a_label_map_of_another_size_is_made_again(unpacked, run, root):
    unpacked("ade20k150")
    run("ade20k150")
    (label,) = (root / "zs3/labels/ade150/training").iterdir()
    before = label.read_bytes()
    Image.fromarray(np.zeros((H + 1, W), np.uint8)).save(label)
    run("ade20k150")
    assert label.read_bytes() == before


def test_hidden_files_are_no_images(unpacked, run, root):
    unpacked("ade20k150")
    folder = root / "ADEChallengeData2016/images/training"
    (image,) = folder.iterdir()
    (folder / f"._{image.name}").touch()  # as macOS leaves them
    run("ade20k150")
    assert len(load_dataset("ade20k150_train")) == 1


def test_force_makes_everything_again(unpacked, run, root):
    unpacked("ade20k150")
    run("ade20k150")
    (source,) = (root / "ADEChallengeData2016/annotations/training").iterdir()
    publishers.write_png(source, label_map(150))
    (label,) = (root / "zs3/labels/ade150/training").iterdir()
    run("ade20k150")
    assert first_values(label, 2) == [255, 0]
    run("ade20k150", "--force")
    assert first_values(label, 2) == [149, 149]


# Python 3.12 and later point at forks of processes with threads.
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")
def test_two_processes_write_what_one_does(unpacked, script, run, root):
    unpacked("cocostuff")
    run("cocostuff")
    before = {name: (root / name).read_bytes() for name in written(root)}
    shutil.rmtree(root / "zs3")
    script("cocostuff").main(["--jobs", "2"])
    assert {name: (root / name).read_bytes() for name in written(root)} == before


def test_no_processes(script, capsys):
    with pytest.raises(SystemExit):
        script("cocostuff").main(["--jobs", "0"])
    assert "--jobs: expected a number from 1 on, but got '0'" in capsys.readouterr().err


def test_the_histogram_counts_pixels_and_images(unpacked, run, root, capsys):
    unpacked("voc2012")
    run("voc2012")
    said = capsys.readouterr().out
    assert "voc2012_train: 2 label maps" in said and "20 classes, 17 of them on no pixel" in said
    rows = (root / "zs3/histograms/voc2012_train.csv").read_text().splitlines()
    assert rows[:3] == ["label,name,pixels,images", "0,aeroplane,10,1", "1,bicycle,0,0"]
    assert rows[6] == "5,bus,10,1"


@pytest.mark.parametrize("name", ARCHIVES)
def test_nothing_there_is_one_line_with_every_archive(root, small, run, name):
    small(ARCHIVES[name][1])
    with pytest.raises(SystemExit, match=r"^error: .* lacks .* \(from .*http.*\)") as stop:
        run(name)
    assert "\n" not in str(stop.value)
    assert not (root / "zs3").exists()


BROKEN = [
    # script, file, what happens to it, what is said
    (
        "voc2012",
        "VOCdevkit/VOC2012/JPEGImages/t1.jpg",
        "remove",
        "1 of 2 images have no file in .*t1",
    ),
    ("voc2012", "benchmark_RELEASE/dataset/cls/t1.mat", "remove", "no annotation, such as t1"),
    (
        "voc2012",
        "benchmark_RELEASE/dataset/cls/t1.mat",
        "garbage",
        r"t1\.mat cannot be read as a label",
    ),
    ("voc2012", "VOCdevkit/VOC2012/SegmentationClass/v0.png", "garbage", r"v0\.png cannot be read"),
    ("voc2012", "VOCdevkit/VOC2012/SegmentationClass/v0.png", 21, r"v0\.png holds label 21"),
    (
        "voc2012",
        "VOCdevkit/VOC2012/JPEGImages/v0.jpg",
        "garbage",
        r"v0\.jpg cannot be read as an image",
    ),
    (
        "voc2012",
        "VOCdevkit/VOC2012/JPEGImages/v0.jpg",
        "shrink",
        r"v0\.png is 6 x 5 pixels, but its",
    ),
    ("pascal_context", "VOCdevkit/VOC2010/trainval/v1.mat", "garbage", r"v1\.mat cannot be read"),
    ("pascal_context33", "VOCdevkit/VOC2010/33_context_labels/v0.png", 34, "holds label 34"),
    ("cocostuff", "coco/train2017/000000000025.jpg", "remove", "has 2 images, but .* holds 1"),
    ("cocostuff", "coco/stuffthingmaps/val2017/000000000139.png", 182, "holds label 182"),
    (
        "cocostuff",
        "coco/stuffthingmaps/val2017/000000000139.png",
        "remove",
        "1 of 1 image have no an",
    ),
    ("coco20i", "coco/annotations/instances_val2014.json", "garbage", "is not the annotations"),
    (
        "coco20i",
        "coco/annotations/instances_val2014.json",
        "remove",
        "lacks coco/annotations/instances_v",
    ),
    (
        "ade20k150",
        "ADEChallengeData2016/annotations/validation/ADE_val_00000001.png",
        151,
        "label 151",
    ),
    (
        "ade20k847",
        "ADE20K_2021_17_01/images/ADE/training/urban/street/ADE_train_00000001_seg.png",
        "remove",
        "has 1 image, but .*training holds 0",
    ),
    (
        "ade20k847",
        "ADE20K_2021_17_01/images/ADE/training/urban/street/ADE_train_00000001.jpg",
        "garbage",
        r"ADE_train_00000001\.jpg cannot be read as an image",
    ),
]


@pytest.mark.parametrize(("name", "file", "change", "message"), BROKEN)
def test_what_is_broken_is_named(unpacked, run, root, name, file, change, message):
    unpacked(name)
    if change == "remove":
        (root / file).unlink()
    elif change == "garbage":
        (root / file).write_bytes(b"not what it should be")
    elif change == "shrink":
        publishers.write_image(root / file, H - 1, W)
    else:
        publishers.write_png(root / file, label_map(change))
    with pytest.raises(SystemExit, match=f"^error: .*{message}") as stop:
        run(name)
    assert "\n" not in str(stop.value)
    for path in written(root) if (root / "zs3").exists() else ():
        assert ".unfinished" not in path
        with Image.open(root / path) as image:
            image.load()  # whole


def test_a_broken_mask_list_names_its_image(unpacked, run, root):
    unpacked("coco20i")
    file = root / "coco/annotations/instances_val2014.json"
    publishers.write_instances(
        file, {"COCO_val2014_000000000042": [(2, {"size": [9, 9], "counts": [81]})]}
    )
    with pytest.raises(
        SystemExit, match=r"000000000042\.jpg in .*instances_val2014\.json has a mask"
    ):
        run("coco20i")


def test_what_is_prepared_is_trained_on_and_scored(unpacked, run):
    unpacked("voc2012")
    run("voc2012")
    settings = {
        "DATASETS.TRAIN": "('voc2012_15-5_train',)",
        "DATASETS.TEST": "('voc2012_15-5_val',)",
        "DATALOADER.NUM_WORKERS": "0",
        "SOLVER.IMS_PER_BATCH": "2",
        "INPUT.MIN_SIZE_TEST": "0",
        "INPUT.MIN_SIZE_TRAIN": "(0,)",
    }
    cfg = get_config(None, [word for pair in settings.items() for word in pair])
    batch = next(iter(build_train_loader(cfg)))
    assert {sample["image_id"] for sample in batch} == {"t0", "t1"}
    assert batch[0]["vocabulary"].unseen == ("pottedplant", "sheep", "sofa", "train", "tvmonitor")
    evaluator = ZeroShotEvaluator.of_dataset("voc2012_15-5_val")
    for (sample,) in build_test_loader(cfg, "voc2012_15-5_val"):
        assert sample["sem_seg"].shape == (H, W)
        evaluator.process([sample], [{"labels": torch.full((H, W), 19)}])
    scores = evaluator.evaluate()["sem_seg"]
    assert scores["IoU-tvmonitor"] == pytest.approx(100 * 8 / 15)
    assert scores["IoU-pottedplant"] == 0.0
