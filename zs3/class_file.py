"""Files of class names: a list, names with synonyms, or a vocabulary with all it holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_COLUMNS = {"names": str, "is_seen": bool, "synonyms": list}  # of a saved vocabulary
ClassList = list[str] | dict[str, Any]  # Any: a word, several, or a column


def read_class_file(path: str | Path) -> ClassList:
    """
    A JSON file has a list of names (", " separates synonyms inside one, as in the class lists of
    CAT-Seg and ADE20K), an object of name -> what prompts call it, one word or several, or what
    `Vocabulary.save` has written. Any other file is text: one class a line, synonyms after it,
    separated by commas; from # on a line is a comment.

    Returns:
        a list of names, a mapping name -> word(s), or columns (see `is_saved`).

    Raises:
        OSError: no such file.
        ValueError: none of these.
    """
    path = Path(path)
    try:
        content = path.read_text(encoding="utf-8-sig")
        is_json = path.suffix.lower() == ".json"
        classes = _of_json(json.loads(content)) if is_json else _of_lines(content)
        if not classes:
            raise ValueError("it is empty")
    except ValueError as error:
        raise ValueError(
            f"{path} holds no class names: {_reason(error)}; expected a JSON list of names "
            '["grass", "red star"], names with synonyms {"tv": ["television", "tv"]}, or what a '
            "trained model has in vocabulary.json; or, if it does not end in .json, one class a "
            "line."
        ) from error
    return classes


def is_saved(classes: dict[str, Any]) -> bool:
    """Whether a file's content are the columns of a saved vocabulary."""
    return isinstance(classes.get("names"), list)


def _of_lines(content: str) -> dict[str, list[str]]:
    lines = (line.partition("#")[0].split(",") for line in content.splitlines())
    words = ([word.strip() for word in line if word.strip()] for line in lines)
    classes: dict[str, list[str]] = {}
    for line in words:
        if line and line[0] in classes:
            raise ValueError(f"class names must be unique, but {line[0]!r} has two lines")
        if line:
            classes[line[0]] = line
    return classes


def _of_json(given: Any) -> ClassList:  # Any: JSON
    if isinstance(given, dict) and is_saved(given):
        _expect_columns(given)
        return given
    if not isinstance(given, (list, dict)):
        raise ValueError("it has no list of names")
    described = given.values() if isinstance(given, dict) else given
    words = [w for entry in described for w in _as_words(entry, isinstance(given, dict))]
    if not all(isinstance(word, str) for word in words):
        raise ValueError("it has no list of names")
    return given


def _as_words(entry: Any, may_be_several: bool) -> list[Any]:
    return entry if may_be_several and isinstance(entry, list) else [entry]


def _expect_columns(columns: dict[str, Any]) -> None:
    for key, values in columns.items():
        if key not in _COLUMNS:
            raise ValueError(f"there is no place for {key!r} beside {', '.join(_COLUMNS)}")
        if not isinstance(values, list) or not all(isinstance(v, _COLUMNS[key]) for v in values):
            raise ValueError(f"{key!r} is no list of {_COLUMNS[key].__name__}")
    if not all(isinstance(word, str) for words in columns.get("synonyms", ()) for word in words):
        raise ValueError("'synonyms' is no list of lists of str")


def _reason(error: ValueError) -> str:
    """Why a file could not be read, without what only Python would call it."""
    if isinstance(error, UnicodeDecodeError):
        return "it is no UTF-8 text"
    if isinstance(error, json.JSONDecodeError):
        return f"line {error.lineno} is no JSON"
    return str(error).removesuffix(".")
