from pathlib import Path

import pytest

from zs3.data.description import read_description
from zs3.data.folder import Part

BASE = """
names: [sky, road, tree]
train: {images: images/train, labels: labels/train}
"""


@pytest.fixture
def described(tmp_path):
    def read(text):
        file = tmp_path / "streets.yaml"
        file.write_text(text, encoding="utf-8")
        return read_description(file)

    return read


def test_what_is_left_out_has_a_default(described, tmp_path):
    dataset = described(BASE)
    assert (dataset.name, dataset.root) == ("streets", ".")
    assert dataset.vocabulary.names == dataset.vocabulary.seen == ("sky", "road", "tree")
    assert dataset.classes.ignore_label == dataset.classes.unlabelled == 255
    assert dataset.classes.of_value == {0: 0, 1: 1, 2: 2, 255: 255}
    assert dataset.parts == {"train": Part("images/train", "labels/train")}


def test_everything_can_be_said(described):
    dataset = described(
        """
        name: town
        root: somewhere
        names: {7: road, 11: building, 12: building, 21: tree}
        unseen: [tree]
        prompts: {building: [building, house], road: street}
        ignore: [0, 5]
        val: {images: photos, labels: maps, format: label_maps, list: lists/val.txt}
        """
    )
    assert (dataset.name, dataset.root) == ("town", "somewhere")
    assert dataset.vocabulary.names == ("road", "building", "tree")
    assert dataset.vocabulary.unseen == ("tree",)
    assert dataset.vocabulary.synonyms == (("street",), ("building", "house"), ("tree",))
    assert dataset.classes.of_value == {7: 0, 11: 1, 12: 1, 21: 2, 0: 255, 5: 255}
    assert dataset.parts == {"val": Part("photos", "maps", "label_maps", "lists/val.txt")}


def test_one_folder_can_be_split(described):
    dataset = described(
        "names: [a, b]\nsplit: {images: photos, labels: maps, val_percent: 12.5, seed: 4}"
    )
    assert dataset.parts == {
        "train": Part("photos", "maps", percent=(12.5, 100), seed=4),
        "val": Part("photos", "maps", percent=(0, 12.5), seed=4),
    }


def test_unseen_names_can_be_chosen(described):
    """By SHA-256 of "SEED NAME": of "0 sky" it starts with 5046, of "0 road" with 50fa,
    of "0 tree" with cce6."""
    text = "names: [NAMES]\nunseen: {choose: COUNT}\nval: {images: a, labels: b}"

    def unseen(names, count):
        return described(
            text.replace("NAMES", names).replace("COUNT", str(count))
        ).vocabulary.unseen

    assert unseen("road, tree, sky", 1) == ("sky",)
    assert unseen("tree, road, sky", 2) == ("road", "sky")


@pytest.mark.parametrize(("count", "stored", "ignore"), [(255, 255, 255), (256, 65535, 65535)])
def test_ignore_stays_clear_of_the_classes(described, count, stored, ignore):
    names = "".join(f"\n- class {k}" for k in range(count))
    dataset = described(f"names:{names}\nval: {{images: a, labels: b}}")
    assert dataset.classes.ignore_label == ignore
    assert dataset.classes.of_value[stored] == ignore
    assert len(dataset.classes.of_value) == count + 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a description is None; expected keys and values"),
        ("names: [a", r"streets\.yaml is not readable YAML: .* in line"),
        ("names: !!python/object:os.system [a]", "not readable YAML: could not determine"),
        (BASE + "unsen: [tree]", "has an unknown key 'unsen'. Did you mean 'unseen'"),
        (BASE + "zzz: 1", "unknown key 'zzz'. Known are name, root"),
        ("train: {images: a, labels: b}", r"labels should be in \S*b, which does not exist"),
        ("names: [a]\ntrain: {images: a}", "train lacks labels"),
        ("names: [a]\ntrain: {images: a, label: b}", "unknown key 'label'. Did you mean 'labels'"),
        ("names: [a]\ntrain: photos", "train is 'photos'; expected keys and values"),
        ("names: [a]\ntrain: {images: 3, labels: b}", "train holds 3, which is no text"),
        ("name: a/b\nnames: [a]\nval: {images: a, labels: b}", "name is 'a/b'; .*without slashes"),
        (
            "names: [a, b]\nunseen: [b, a]\ntrain: {images: a, labels: b}",
            "unseen holds all of the names, so there is nothing to train on",
        ),
        ("names: [a]", "it has neither train nor val; expected train, val or both, or split"),
        (BASE + "split: {}", "it has train and split; expected"),
        ("names: [a]\nsplit: {images: a, labels: b}", "split lacks val_percent"),
        (
            "names: [a]\nsplit: {images: a, labels: b, val_percent: 100}",
            "val_percent is 100; expected a number between 0 and 100",
        ),
        (
            "names: [a]\nsplit: {images: a, labels: b, val_percent: true}",
            "val_percent is True; expected a number between 0 and 100",
        ),
        (
            "names: [a]\nsplit: {images: a, labels: b, val_percent: 9, seed: -1}",
            "seed is -1; expected a whole number",
        ),
        ("names: a, b\nval: {images: a, labels: b}", "names is 'a, b'; expected a list of names"),
        ("names: [a, no]\nval: {images: a, labels: b}", "names holds False, which is no text"),
        ("names: [a, a]\nval: {images: a, labels: b}", "class names must be unique, but .'a'."),
        ("names: {sky: 0}\nval: {images: a, labels: b}", "names holds 0, which is no text"),
        ("names: {70000: a}\nval: {images: a, labels: b}", "has the label 70000; expected whole"),
        ("names: {1: a, b: c}\nval: {images: a, labels: b}", "names maps numbers and words"),
        (BASE + "unseen: [treee]", "unseen classes .'treee'. are not .* Did you mean 'tree'"),
        (BASE + "unseen: tree", "unseen is 'tree'; expected a list"),
        (BASE + "prompts: {trea: oak}", "prompts for classes .'trea'.* Did you mean 'tree'"),
        (BASE + "prompts: [oak]", r"prompts is \['oak'\]; expected words for names"),
        (BASE + "prompts: {tree: 4}", "prompts for 'tree' holds 4, which is no text"),
        (BASE + "ignore: 0", "ignore is 0, which is also the label of 'sky'"),
        (
            BASE + "ignore: [255, 1.5]",
            r"names or ignore has the label 1\.5; expected whole numbers",
        ),
        (BASE + "ignore: tree", "ignore is 'tree', which is also the label of 'tree'"),
        (BASE + "unlabelled: tre", "unlabelled is 'tre', which is not among .* mean 'tree'"),
        (BASE + "unlabelled: 0", "unlabelled holds 0, which is no text"),
        (BASE + "unseen: {choose: 3}", "unseen chooses 3; expected a whole number from 1 to 2"),
        (BASE + "unseen: {choose: 1, seed: x}", "seed is 'x'; expected a whole number"),
        (BASE + "unseen: {choose: true}", "unseen chooses True; expected a whole number"),
        (BASE + "unseen: {choose: 1, seed: true}", "seed is True; expected a whole number"),
        (BASE + "unseen: {chose: 1}", "unseen has an unknown key 'chose'. Did you mean 'choose'"),
        (BASE + "name: 5", "name and root holds 5, which is no text"),
    ],
)
def test_mistakes_are_refused_in_one_line_that_names_the_file(described, text, message):
    with pytest.raises(ValueError, match=message) as refusal:
        described(text)
    assert "streets.yaml" in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_the_example_is_a_description():
    dataset = read_description(Path(__file__).parents[2] / "configs" / "data" / "camvid.yaml")
    assert len(dataset.vocabulary) == 11
    assert dataset.vocabulary.unseen == ("tree", "car", "bicyclist")


def test_a_missing_description_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no dataset description \S*none\.yaml"):
        read_description(tmp_path / "none.yaml")
