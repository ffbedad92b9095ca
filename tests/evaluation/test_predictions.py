import json

import numpy as np
import pytest
from PIL import Image

from zs3.evaluation.predictions import answer_table, pair_up, read_names
from zs3.evaluation.questions import Question
from zs3.vocabulary import Vocabulary

QUESTION = Question.about(Vocabulary.of(["sky", "tree", "cat"]))


def write(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(values)).save(path)
    return path


def test_values_are_indices_or_have_names():
    stored = np.array([[0, 1], [2, 9]], np.uint8)
    table = answer_table(QUESTION, nothing=[9])
    assert table(stored, "a.png").tolist() == [[0, 1], [2, 3]]  # 3 is none of the names
    shifted = answer_table(QUESTION, offset=1, nothing=[0, 9])
    assert shifted(stored, "a.png").tolist() == [[3, 0], [1, 3]]
    named = answer_table(QUESTION, {0: "cat", 1: "sky", 2: "cat", 9: "tree"})
    assert named(stored, "a.png").tolist() == [[2, 0], [2, 1]]
    large = answer_table(QUESTION, {300: "cat", 1000: "sky"})
    assert large(np.array([300, 1000], np.uint16), "a.png").tolist() == [2, 0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"names": {0: "sky", 1: "treee"}}, r"1 names.*'treee'\. Did you mean 'tree'\?.*--ignore"),
        ({"nothing": [1]}, "value 1 is 'tree' and cannot be ignored as well"),
        ({"offset": -1}, "values of 0 to 65535, so -1 has none"),
        ({"nothing": [70000]}, "so 70000 has none"),
    ],
)
def test_tables_that_cannot_be(options, message):
    with pytest.raises(ValueError, match=message):
        answer_table(QUESTION, **options)


@pytest.mark.parametrize(
    "text",
    [
        '["sky", "tree"]',
        "{0: sky, 1: tree}",
        "sky: 0\ntree: 1\n",
        '{"sky": 0, "tree": 1}',
        '{"0": "sky", "1": "tree"}',
        '{"sky": "0", "tree": "1"}',
    ],
)
def test_ways_to_write_names(tmp_path, text):
    (tmp_path / "names.yaml").write_text(text)
    assert read_names(tmp_path / "names.yaml") == {0: "sky", 1: "tree"}


def test_names_that_are_numbers(tmp_path):
    (tmp_path / "names.yaml").write_text('{7: "1", 8: "2"}')
    assert read_names(tmp_path / "names.yaml") == {7: "1", 8: "2"}
    (tmp_path / "names.json").write_text('{"1": 7, "2": 8}')
    assert read_names(tmp_path / "names.json") == {7: "1", 8: "2"}
    (tmp_path / "list.json").write_text('["1", "2"]')
    assert read_names(tmp_path / "list.json") == {0: "1", 1: "2"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sky", "holds no names; expected names: a list"),
        ("[]", "holds no names"),
        ("{}", "holds no names"),
        ("{0: [sky]}", "something else than names: a list"),
        ("{sky: tree}", "something else than"),
        ("[1, 2]", "something else than"),
        ("{0: true}", "something else than"),
        ("{true: sky}", "something else than"),
        ("{0: [}", "not readable YAML or JSON"),
        ('{"7": "8"}', r"numbers on both sides, such as \('7', '8'\)"),
        ("{sky: 0, tree: 1, cat: 0}", "value 0 is both 'sky' and 'cat'"),
        ('{7: sky, "7": tree}', "not readable YAML or JSON: key '7' is given twice"),
        ('{"7": sky, "07": tree}', "value 7 is both 'sky' and 'tree'"),
    ],
)
def test_what_is_no_table_of_names(tmp_path, text, message):
    (tmp_path / "names.yaml").write_text(text)
    with pytest.raises(ValueError, match=rf"names\.yaml.*{message}"):
        read_names(tmp_path / "names.yaml")


def test_predictions_lie_as_label_maps_do(tmp_path):
    samples = [
        {"file_name": "x.jpg", "sem_seg_file_name": str(tmp_path / f"labels/{name}.tif")}
        for name in ("ulm/1", "ulm/2", "bonn/1")
    ]
    folder = tmp_path / "theirs"
    for name in ("ulm/1", "ulm/2", "bonn/1"):
        write(folder / f"{name}.png", np.zeros((1, 1), np.uint8))
    pairs = pair_up(samples, folder)
    assert [pair[0] for pair in pairs] == samples
    names = [pair[1].relative_to(folder).as_posix() for pair in pairs]
    assert names == ["ulm/1.png", "ulm/2.png", "bonn/1.png"]

    (folder / "ulm/1.png").unlink()
    (folder / "bonn/1.png").rename(folder / "1.png")
    (folder / "notes.txt").write_text("not a prediction")
    expected = (
        r"2 of 3 predictions are missing: ulm/1\.png, bonn/1\.png; 1 PNG files belong to no "
        r"image of the dataset: \S*1\.png; keep them elsewhere\."
    )
    with pytest.raises(ValueError, match=expected):
        pair_up(samples, folder)
    with pytest.raises(ValueError, match="no folder of predictions"):
        pair_up(samples, tmp_path / "nowhere")


def test_predictions_are_called_as_their_images_are(tmp_path):
    """As `zs3 segment` calls them, also where all label maps lie in one folder of several."""
    samples = [
        {"image_id": f"city/{i}", "sem_seg_file_name": f"labels/city/{i}_label.png"}
        for i in range(2)
    ]
    as_images = [write(tmp_path / f"a/city/{i}.png", np.zeros((1, 1), np.uint8)) for i in range(2)]
    as_labels = [write(tmp_path / f"b/{i}_label.png", np.zeros((1, 1), np.uint8)) for i in range(2)]
    assert [file for _, file in pair_up(samples, tmp_path / "a")] == as_images
    assert [file for _, file in pair_up(samples, tmp_path / "b")] == as_labels
    # What would do for the second way may be called as other images are.
    write(tmp_path / "a/0_label.png", np.zeros((1, 1), np.uint8))
    write(tmp_path / "a/1_label.png", np.zeros((1, 1), np.uint8))
    others = {"city/0", "city/1", "0_label", "1_label"}
    assert [file for _, file in pair_up(samples, tmp_path / "a", lambda: others)] == as_images
    with pytest.raises(ValueError, match=r"1 PNG files belong to no image of .*1_label\.png; keep"):
        pair_up(samples, tmp_path / "a", lambda: others - {"1_label"})


def test_drawn_images_have_names_too(tmp_path):
    write(tmp_path / "7.png", np.zeros((1, 1), np.uint8))
    sample = {"file_name": "shapes/7.png"}
    assert pair_up([sample], tmp_path) == [(sample, tmp_path / "7.png")]
    assert json.dumps(sample)
