import pytest

from zs3.counting import counted


@pytest.mark.parametrize(
    ("number", "words"), [(0, "0 label maps"), (1, "1 label map"), (2, "2 label maps")]
)
def test_one_is_singular(number, words):
    assert counted(number, "label map") == words
