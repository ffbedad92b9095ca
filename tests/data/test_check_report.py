import io
import json

import numpy as np
from rich.console import Console

from zs3.data.check import ERROR, NOTICE, WARNING, Part, PartCount
from zs3.data.check_report import check_json, print_check, summary
from zs3.data.mapper import SampleReader
from zs3.vocabulary import Vocabulary

VOCABULARY = Vocabulary.of(["sky", "tree", "road"], ["tree"])


def count(name, pixels, images, is_training=True, vocabulary=VOCABULARY):
    part = Part(name, is_training, SampleReader(vocabulary), [{}] * 3)
    result = PartCount(part, np.array(pixels), np.array(images), ignored=25)
    result.sizes.update({(640, 480): 2, (480, 500): 1})
    return result


def counted():
    train = count("streets_train", [60, 10, 5], [3, 2, 1])
    val = count("streets_val", [0, 0, 0], [0, 0, 0], is_training=False)
    train.find(ERROR, "images that cannot be read", ["a[red].jpg", "b.jpg"])
    val.find(WARNING, "classes without a pixel", ["sky"])
    return [train, val], [*train.findings, *val.findings]


def printed(counts, findings):
    text = io.StringIO()
    print_check(counts, findings, Console(file=text, width=100))
    return text.getvalue()


def rows(text, first):
    return [line.split() for line in text.splitlines() if line.split()[:1] == [first]]


def test_the_tables_say_what_was_counted():
    text = printed(*counted())
    sizes = ["480-640", "x", "480-500"]
    assert rows(text, "streets_train") == [
        ["streets_train", "training", "3", *sizes, "75.0", "25.0"]
    ]
    assert rows(text, "streets_val") == [["streets_val", "evaluation", "3", *sizes, "0.0", "100.0"]]
    assert rows(text, "sky") == [["sky", "seen", "60", "80.0", "3", "0", "-", "0"]]
    assert rows(text, "tree") == [["tree", "unseen", "10", "13.3", "2", "0", "-", "0"]]
    assert text.index(" road") < text.index(" tree")  # unseen ones last
    assert rows(text, "train") == [["train", "val"]]  # short names over the columns


def test_vocabularies_have_tables_of_their_own():
    other = count("lawns_train", [1], [1], vocabulary=Vocabulary.of(["grass"]))
    text = printed([count("streets_train", [1, 2, 3], [1, 2, 3]), other], [])
    assert rows(text, "grass") == [["grass", "seen", "1", "100.0", "1"]]
    assert rows(text, "road") == [["road", "seen", "3", "50.0", "3"]]


def test_findings_are_told_one_a_line_by_level_and_kind():
    text = printed(*counted())
    assert text[text.index("error:") :].splitlines() == [
        "error: images that cannot be read (2)",
        "  streets_train: a[red].jpg",
        "  streets_train: b.jpg",
        "warning: classes without a pixel (1)",
        "  streets_val: sky",
        "2 errors, 1 warning, 0 notices",
    ]


def test_a_long_finding_stays_on_its_line():
    counts, findings = counted()
    counts[0].find(NOTICE, "left out", ["x" * 300])
    text = printed(counts, counts[0].findings)
    assert f"  streets_train: {'x' * 300}\n" in text
    assert summary(findings) == "2 errors, 1 warning, 0 notices"


def test_programs_get_everything():
    document = json.loads(check_json(*counted()))
    assert document["errors"] == 2 and document["warnings"] == 1 and document["notices"] == 0
    train, val = document["parts"]
    assert train["classes"][1] == {"name": "tree", "seen": False, "pixels": 10, "images": 2}
    assert (train["name"], train["training"], train["images"]) == ("streets_train", True, 3)
    assert train["sizes"] == {"480x500": 1, "640x480": 2} and train["ignored_pixels"] == 25
    assert not val["training"]
    assert document["findings"][2] == {
        "level": "warning",
        "part": "streets_val",
        "kind": "classes without a pixel",
        "item": "sky",
    }
