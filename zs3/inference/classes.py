"""The names of a request, from the command line or a file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ..class_file import is_saved, read_class_file
from ..vocabulary import Vocabulary

Classes = str | Iterable[str] | Mapping[str, str | Sequence[str]] | Vocabulary


def read_classes(text: str) -> Classes:
    """
    What `--classes` means: names separated by commas, or the file of names that ends in .txt or
    .json, see `read_class_file`.

    Raises:
        ValueError: no such file, or not of this form.
    """
    file = Path(text)
    if file.suffix.lower() not in (".txt", ".json"):
        return text
    try:
        classes = read_class_file(file)
    except OSError as error:
        raise ValueError(f"the class names in {file} cannot be read: {error.strerror}.") from None
    is_vocabulary = isinstance(classes, dict) and is_saved(classes)
    return Vocabulary.load(file) if is_vocabulary else classes
