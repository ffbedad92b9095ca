import numpy as np
import pytest
from PIL import Image

from zs3.config import get_config
from zs3.data import load_dataset, register_datasets, vocabulary_of
from zs3.data.mapper import SampleReader
from zs3.runtime.data import DatasetCatalog, MetadataCatalog

STREETS = """
names: {1: sky, 2: road, 7: tree, 8: car}
unseen: [road]
prompts: {road: street, car: automobile}
ignore: 0
train: {images: images, labels: labels}
"""
HELD_OUT = "of: streets_train\nheld_out: [tree]\nimages: 2\n"


@pytest.fixture
def register(tmp_path):
    """Registers five photos, and what a file derives from them; both are gone after the test."""
    before = set(DatasetCatalog.list())
    for i in range(5):
        for folder, content in (
            ("images", Image.new("RGB", (3, 2))),
            ("labels", Image.fromarray(np.array([[0, 1, 2], [7, 8, i and 1]], np.uint8))),
        ):
            (tmp_path / folder).mkdir(exist_ok=True)
            content.save(tmp_path / folder / f"p{i}.png")
    (tmp_path / "streets.yaml").write_text(STREETS)

    def write(text=HELD_OUT):
        (tmp_path / "rehearsal.yaml").write_text(text)
        files = [str(tmp_path / "streets.yaml"), str(tmp_path / "rehearsal.yaml")]
        register_datasets(get_config(None, ["DATASETS.FILES", str(files)]))

    yield write
    for name in set(DatasetCatalog.list()) - before:
        DatasetCatalog.remove(name)
        MetadataCatalog.remove(name)


def test_seen_names_play_unseen_and_unseen_ones_have_no_part_in_it(register):
    register()
    for part in ("train", "val"):
        vocabulary = vocabulary_of(f"rehearsal_{part}")
        assert vocabulary.names == ("sky", "tree", "car")
        assert vocabulary.unseen == ("tree",)
        assert vocabulary.synonyms == (("sky",), ("tree",), ("automobile",))


def test_the_last_images_are_left_out_of_training(register):
    register()
    names = [
        [sample["image_id"] for sample in load_dataset(f"rehearsal_{part}")]
        for part in ("train", "val")
    ]
    assert names == [["p0", "p1", "p2"], ["p3", "p4"]]


def test_labels_are_those_of_the_seen_names_alone(register):
    register()
    read = SampleReader.of_dataset("rehearsal_val")
    _, labels = read(load_dataset("rehearsal_val")[0])
    ignore = read.ignore_label
    np.testing.assert_array_equal(labels, [[ignore, 0, ignore], [1, 2, 0]])


def test_registering_again_changes_nothing(register):
    register()
    register()
    assert len(load_dataset("rehearsal_train")) == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            HELD_OUT.replace("[tree]", "[road]"),
            r"held_out is \['road'\]; expected some, and not all, ",
        ),
        (HELD_OUT.replace("[tree]", "[sky, tree, car]"), r"of streets_train: sky, tree, car\."),
        (HELD_OUT.replace("[tree]", "tree"), r"rehearsal\.yaml: held_out is 'tree'; expected"),
        (HELD_OUT.replace("2", "true"), r"images is True; expected a number of images"),
        (HELD_OUT.replace("2", "none"), r"images is 'none'; expected a number of images"),
        (HELD_OUT + "name: x\n", r"has the keys of, held_out, images, name; expected of, held"),
        (HELD_OUT.replace("streets", "street"), r"no dataset is called 'street_train'.*streets_tr"),
    ],
)
def test_what_does_not_fit_is_refused(register, text, message):
    with pytest.raises(ValueError, match=message):
        register(text)


def test_too_few_images_for_two_parts_are_refused(register):
    register(HELD_OUT.replace("2", "5"))
    with pytest.raises(ValueError, match="streets_train has 5 images, of which 5 cannot be left"):
        load_dataset("rehearsal_train")
