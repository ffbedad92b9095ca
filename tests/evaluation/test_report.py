import io

import pytest
from rich.console import Console

from zs3.evaluation import print_report
from zs3.vocabulary import Vocabulary

VOCABULARY = Vocabulary.of(["sky", "cat", "dog"], unseen=["cat"])
METRICS = {
    "pAcc": 91.26,
    "mIoU": 50.0,
    "hIoU": float("nan"),
    "U-animal": 12.34,
    "IoU-sky": 88.8,
    "ACC-sky": 99.0,
    "IoU-cat": float("nan"),
    "ACC-cat": float("nan"),
    "IoU-dog": 7.0,
    "ACC-dog": 8.0,
}


def printed(results, *args):
    console = Console(file=io.StringIO(), width=80)
    print_report(results, *args, console=console)
    return [line.split() for line in console.file.getvalue().splitlines()]


def test_the_summary_leaves_single_classes_out():
    lines = printed({"shapes": METRICS})
    assert ["shapes"] in lines
    assert ["pAcc", "91.3"] in lines and ["hIoU", "-"] in lines and ["U-animal", "12.3"] in lines
    assert not any("sky" in word for line in lines for word in line)


def test_several_evaluations_stand_side_by_side():
    lines = printed({"one": METRICS, "two": {"pAcc": 5.0, "extra": 1.0}})
    assert ["one", "two"] in lines
    assert ["pAcc", "91.3", "5.0"] in lines
    assert ["mIoU", "50.0", "-"] in lines
    assert ["extra", "-", "1.0"] in lines


def test_classes_say_in_words_whether_they_were_seen():
    lines = printed({"shapes": METRICS}, VOCABULARY)
    assert ["class", "IoU", "accuracy"] in lines
    rows = [line for line in lines if line and line[0] in VOCABULARY.names]
    assert rows == [
        ["sky", "seen", "88.8", "99.0"],
        ["dog", "seen", "7.0", "8.0"],
        ["cat", "unseen", "-", "-"],
    ]


@pytest.mark.parametrize("vocabulary", [None, VOCABULARY])
def test_nothing_is_cut_at_eighty_columns(vocabulary):
    lines = printed({"shapes_mixed_test": METRICS, "shapes_mixed_fresh": METRICS}, vocabulary)
    assert not any("…" in word for line in lines for word in line)
