import numpy as np
import pytest
from PIL import Image

from zs3.config import get_config
from zs3.data import (
    build_test_loader,
    build_train_loader,
    load_dataset,
    register_datasets,
    register_folder,
    vocabulary_of,
)
from zs3.runtime.data import DatasetCatalog, MetadataCatalog

DESCRIPTION = """
names: {1: sky, 2: road, 7: tree}
unseen: [tree]
prompts: {sky: [sky, clouds]}
ignore: [0, 255]
train: {images: images/train, labels: labels/train}
val: {images: images/val, labels: labels/val}
"""
SPLIT = """
names: {1: sky, 2: road, 7: tree}
ignore: 0
split: {images: images/train, labels: labels/train, val_percent: 40, seed: SEED}
"""


def add(root, part, name, label=((0, 1), (2, 7)), extension=".jpg"):
    for folder in ("images", "labels"):
        (root / folder / part / name).parent.mkdir(parents=True, exist_ok=True)
    label = np.array(label, np.uint8)
    Image.fromarray(label).save(root / f"labels/{part}/{name}.png")
    Image.new("RGB", label.shape[::-1], "blue").save(root / f"images/{part}/{name}{extension}")


@pytest.fixture
def describe(tmp_path):
    """Writes and registers a description; what it registers is gone after the test."""
    before = set(DatasetCatalog.list())

    def write(text=DESCRIPTION, file="streets.yaml"):
        (tmp_path / file).write_text(text)
        return register_folder(tmp_path / file)

    yield write
    for name in set(DatasetCatalog.list()) - before:
        DatasetCatalog.remove(name)
        MetadataCatalog.remove(name)


@pytest.fixture
def root(tmp_path):
    for i in range(5):
        add(tmp_path, "train", f"t{i}", extension=(".jpg", ".PNG")[i % 2])
    add(tmp_path, "val", "bonn/v.0")
    return tmp_path


def stems(samples):
    return [sample["image_id"] for sample in samples]


def test_images_and_labels_pair_by_name(describe, root):
    describe()
    assert stems(load_dataset("streets_train")) == ["t0", "t1", "t2", "t3", "t4"]
    (sample,) = load_dataset("streets_val")
    assert sample["file_name"] == str(root / "images/val/bonn/v.0.jpg")
    assert sample["sem_seg_file_name"] == str(root / "labels/val/bonn/v.0.png")


def test_what_is_registered_is_what_models_and_evaluators_read(describe, root):
    describe()
    vocabulary = vocabulary_of("streets_val")
    assert (vocabulary.names, vocabulary.unseen) == (("sky", "road", "tree"), ("tree",))
    assert vocabulary.synonyms[0] == ("sky", "clouds")
    metadata = MetadataCatalog.get("streets_val")
    assert metadata.ignore_label == 255 and metadata.evaluator_type == "sem_seg"


def test_a_configuration_brings_its_descriptions(root, describe):
    (root / "streets.yaml").write_text(DESCRIPTION)
    opts = [
        "DATASETS.FILES",
        f"['{root / 'streets.yaml'}']",
        "DATASETS.TRAIN",
        "('streets_train',)",
    ]
    opts += ["DATALOADER.NUM_WORKERS", "0", "SOLVER.IMS_PER_BATCH", "2", "INPUT.MIN_SIZE_TEST", "4"]
    cfg = get_config(None, opts)
    register_datasets(cfg)  # again by each loader, which is fine
    (test,) = next(iter(build_test_loader(cfg, "streets_val")))
    assert test["sem_seg"].tolist() == [[255, 0], [1, 2]]
    assert test["image"].shape == (3, 4, 4)
    assert len(next(iter(build_train_loader(cfg)))) == 2


def test_a_label_outside_the_names_is_an_error_that_names_the_file(root, describe):
    add(root, "val", "bonn/v.0", [[0, 1], [2, 9]])
    describe()
    cfg = get_config(None, ["DATALOADER.NUM_WORKERS", "0"])
    with pytest.raises(ValueError, match=r"bonn/v\.0\.png holds label 9, .* are 0-2, 7, 255"):
        list(build_test_loader(cfg, "streets_val"))


def test_a_split_divides_the_images(describe, root):
    found = set()
    for seed in range(6):
        describe(SPLIT.replace("SEED", str(seed)), f"split{seed}.yaml")
        train, val = (stems(load_dataset(f"split{seed}_{part}")) for part in ("train", "val"))
        assert len(val) == 2 and sorted(train + val) == ["t0", "t1", "t2", "t3", "t4"]
        assert train == sorted(train)
        assert val == stems(load_dataset(f"split{seed}_val"))
        found.add(tuple(val))
    assert len(found) > 1


def test_a_list_chooses_images(describe, root):
    (root / "few.txt").write_text("t3.PNG\n\n# a comment\nt0  # another\nt3\n")
    describe(DESCRIPTION.replace("labels/train}", "labels/train, list: few.txt}"))
    assert stems(load_dataset("streets_train")) == ["t0", "t3"]


def test_a_listed_name_may_hold_what_begins_a_comment(describe, root):
    add(root, "train", "t0 #2")
    (root / "few.txt").write_text("t0 #2.jpg\nt1 # 3\n")
    describe(DESCRIPTION.replace("labels/train}", "labels/train, list: few.txt}"))
    assert stems(load_dataset("streets_train")) == ["t0 #2", "t1"]


def test_the_environment_says_where_the_data_are(describe, root, monkeypatch, tmp_path_factory):
    file = tmp_path_factory.mktemp("elsewhere") / "streets.yaml"
    file.write_text(DESCRIPTION + 'root: "$STREETS_ROOT"\n')
    register_folder(file)  # names are known without the data, so that a trained model can be asked
    monkeypatch.delenv("STREETS_ROOT", raising=False)
    with pytest.raises(ValueError, match=r"root is '\$STREETS_ROOT', but the environment has no"):
        load_dataset("streets_train")
    monkeypatch.setenv("STREETS_ROOT", str(root))
    assert len(load_dataset("streets_train")) == 5


def test_an_image_without_label_is_named(describe, root):
    (root / "labels/train/t2.png").unlink()
    describe()
    with pytest.raises(
        ValueError, match=r"train has images without labels \(1\): \S*t2\.jpg; `zs3 check-"
    ):
        load_dataset("streets_train")


def test_labels_without_image_are_named(describe, root):
    for i in range(1, 5):
        next((root / "images/train").glob(f"t{i}.*")).unlink()
    describe()
    with pytest.raises(
        ValueError, match=r"train has labels without image \(4\): .*t1\.png, .*t3\.png, \.\.\.; "
    ):
        load_dataset("streets_train")


def test_two_images_of_one_name_are_named(describe, root):
    add(root, "train", "t1", extension=".jpg")
    describe()
    with pytest.raises(
        ValueError,
        match=r"train has images with the same name \(1\): \S*t1\.PNG = \S*t1\.jpg; `zs3",
    ):
        load_dataset("streets_train")


def test_a_folder_that_is_missing_or_empty_is_named(describe, root):
    describe(DESCRIPTION.replace("images/train", "imges/train"))
    with pytest.raises(
        ValueError, match=r"images of train should be in \S*imges/train, which is no fo"
    ):
        load_dataset("streets_train")
    (root / "labels/none").mkdir()
    describe(DESCRIPTION.replace("labels/train", "labels/none"))
    with pytest.raises(ValueError, match=r"labels/none holds no labels of a known format"):
        load_dataset("streets_train")


def test_lists_must_exist_and_name_images(describe, root):
    describe(DESCRIPTION.replace("labels/train}", "labels/train, list: few.txt}"))
    with pytest.raises(ValueError, match=r"there is no list \S*few\.txt"):
        load_dataset("streets_train")
    (root / "few.txt").write_text("t0\nt9.jpg\n")
    with pytest.raises(ValueError, match=r"train has listed images that do not exist \(1\): t9;"):
        load_dataset("streets_train")


def test_a_name_belongs_to_one_description(describe, root):
    describe()
    describe(DESCRIPTION.replace("unseen: [tree]", "unseen: [sky]"))  # the same file, changed
    assert vocabulary_of("streets_train").unseen == ("sky",)
    with pytest.raises(ValueError, match="'streets_train' exists already; give this one another"):
        describe(DESCRIPTION + "name: streets", "other.yaml")
