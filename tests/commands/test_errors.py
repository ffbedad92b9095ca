"""How a command fails: the words for what the system itself refuses."""

import pytest

from zs3.commands.errors import say_errors


def test_a_file_where_a_directory_is_to_be(tmp_path):
    (tmp_path / "n.txt").touch()
    with pytest.raises(SystemExit, match=r"^error: \S*n\.txt is a file; expected a directory, or"):
        say_errors(lambda: (tmp_path / "n.txt").mkdir(exist_ok=True))


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(SystemExit, match=r"^error: \S*n\.txt: No such file or directory$"):
        say_errors(lambda: (tmp_path / "n.txt").open())


def test_our_own_words_are_left_as_they_are():
    def fail():
        raise FileExistsError("models holds a file and 2 others")

    with pytest.raises(SystemExit, match=r"^error: models holds a file and 2 others$"):
        say_errors(fail)
