"""The names of a request, from the command line or a file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ..vocabulary import Vocabulary

Classes = str | Iterable[str] | Mapping[str, str | Sequence[str]] | Vocabulary


def read_classes(text: str) -> Classes:
    """
    What `--classes` means: names separated by commas, or the file of names that ends in .txt or
    .json.

    A text file has one class a line, synonyms after it, separated by commas; from # on a line is a
    comment. A JSON file has a list of names (", " separates synonyms inside one, as in the class
    lists of CAT-Seg and ADE20K), or an object of name -> what prompts call it, one word or several.

    Raises:
        ValueError: no such file, or not of this form.
    """
    file = Path(text)
    if file.suffix.lower() not in (".txt", ".json"):
        return text
    try:
        content = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ValueError(f"the class names in {file} cannot be read: {reason}.") from None
    classes = _of_json(content, file) if file.suffix.lower() == ".json" else _of_lines(content)
    if not classes:
        raise ValueError(f"{file} holds no class names.")
    return classes


def _of_lines(content: str) -> dict[str, list[str]]:
    lines = (line.partition("#")[0].split(",") for line in content.splitlines())
    words = ([word.strip() for word in line if word.strip()] for line in lines)
    classes: dict[str, list[str]] = {}
    for line in words:
        if line and line[0] in classes:
            raise ValueError(f"class names must be unique, but {line[0]!r} has two lines.")
        if line:
            classes[line[0]] = line
    return classes


def _of_json(content: str, file: Path) -> list[str] | dict[str, str | list[str]]:
    try:
        classes = json.loads(content)
    except json.JSONDecodeError as error:
        raise ValueError(f"{file} is not JSON: {error}.") from None
    if isinstance(classes, dict):
        words = [w for given in classes.values() for w in (given if _is_list(given) else [given])]
    else:
        words = classes if _is_list(classes) else [classes]
    if not all(isinstance(word, str) for word in words) or isinstance(classes, str):
        raise ValueError(
            f'{file} must hold a list of names, ["grass", "red star"], or names with synonyms, '
            '{"tv": ["television", "tv"]}.'
        )
    return classes


def _is_list(value: object) -> bool:
    return isinstance(value, list)
