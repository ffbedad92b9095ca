"""
Which class a stored label is: what `names`, `ignore` and `unlabelled` of a description say.

Label maps hold numbers, other formats names. Both become classes, or `ignore_label`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..nearest import did_you_mean
from ..runtime.settings import is_whole
from .annotations import LabelSource


@dataclass(frozen=True)
class ClassTable:
    """
    Attributes:
        names: of the classes, in order.
        of_value: value in a label map -> class, or -> ignore_label. Others are mistakes.
        of_name: name in a label file -> class, or -> ignore_label, as other names there become.
        unlabelled: what becomes of pixels that a label file says nothing about.
        ignore_label: what ignored pixels become.
    """

    names: tuple[str, ...]
    of_value: Mapping[int, int]
    of_name: Mapping[str, int]
    unlabelled: int
    ignore_label: int

    @classmethod
    def of(
        cls,
        names: Sequence[str] | Mapping[int, str] | Mapping[str, str] | None,
        ignore: Sequence[int | str] | None,
        unlabelled: str | None,
        names_in_files: Callable[[], Collection[str]],
    ) -> ClassTable:
        """
        Args:
            names: of the labels 0, 1, ... or, in files with names, the names to take; a mapping
                from labels, or from names in files, which may share a name; None takes all names
                of the files.
            ignore: labels, or names in files; None is 255, or 65535 if 255 is a class.
            unlabelled: name of the class that pixels without label belong to.
            names_in_files: asked only where `names` is None.

        Raises:
            ValueError: a label that is no number from 0 to 65535, a label or name both ignored and
                a class, or an `unlabelled` that is no name.
        """
        keys: dict[int | str, str] = {}  # what files hold -> name of the class
        if names is None:
            keys = {name: name for name in names_in_files() if name not in (ignore or ())}
        elif isinstance(names, Mapping):
            keys = dict(names.items())
        else:
            keys = {**dict(enumerate(names)), **{name: name for name in names}}
        classes = list(names) if isinstance(names, Sequence) else list(dict.fromkeys(keys.values()))
        if unlabelled is not None and unlabelled not in classes:
            if names is not None:
                raise ValueError(
                    f"unlabelled is {unlabelled!r}, which is not among the names."
                    + did_you_mean(unlabelled, classes)
                )
            classes.append(unlabelled)

        ignored = (255 if 255 not in keys else 65535,) if ignore is None else ignore
        for key in ignored:
            if key in keys:
                raise ValueError(
                    f"ignore is {key!r}, which is also the label of {keys[key]!r}; if the labels "
                    "of names do not count from 0, write them out, such as 1: road."
                )
        ignore_label = 255 if len(classes) <= 255 else 65535
        index = {name: i for i, name in enumerate(classes)}
        table = {key: index[name] for key, name in keys.items()}
        table |= dict.fromkeys(ignored, ignore_label)
        _expect_labels(key for key in table if not isinstance(key, str))
        return cls(
            tuple(classes),
            {key: class_ for key, class_ in table.items() if isinstance(key, int)},
            {key: class_ for key, class_ in table.items() if isinstance(key, str)},
            ignore_label if unlabelled is None else index[unlabelled],
            ignore_label,
        )

    def of_source(
        self, source: LabelSource, where: Path, names_in_files: Callable[[], Collection[str]]
    ) -> np.ndarray | None:
        """
        Args:
            where: the source is, for the refusals.
            names_in_files: of other parts too, asked only about a name that the source lacks.

        Returns:
            np.ndarray | None: (len(source.names) + 1,) int64, what `ImageLabels.read` gives ->
            class or ignore_label; None for label maps, which `of_value` is for.

        Raises:
            ValueError: labels of another kind than `names` speaks of, or names that are not there.
        """
        if source.names is None:
            if not self._has_classes(self.of_value):
                expect_names(source, where)
            if self.unlabelled != self.ignore_label:
                raise ValueError(
                    f"unlabelled is {self.names[self.unlabelled]!r}, but every pixel of a label "
                    f"map has a value, and {where} holds label maps; give a value that name."
                )
            return None
        if not self._has_classes(self.of_name):
            raise ValueError(
                f"`names` maps numbers, but {where} has names: {', '.join(source.names)}; list "
                "those to take, or map them, such as truck: car."
            )
        if source.lists_names:
            self._expect_known(set(self.of_name) - set(source.names), where, names_in_files)
        classes = [self.of_name.get(name, self.ignore_label) for name in source.names]
        return np.array([*classes, self.unlabelled], np.int64)

    def _expect_known(
        self, names: set[str], where: Path, names_in_files: Callable[[], Collection[str]]
    ) -> None:
        """Refuses names that are neither in a file nor that of unlabelled pixels."""
        if self.unlabelled != self.ignore_label:
            names = names - {self.names[self.unlabelled]}
        known = names_in_files() if names else ()
        unknown = sorted(names.difference(known))
        if unknown:
            raise ValueError(
                f"{where} has no label {unknown[0]!r}; there are {', '.join(known)}."
                + did_you_mean(unknown[0], known)
            )

    def _has_classes(self, table: Mapping[int, int] | Mapping[str, int]) -> bool:
        return any(class_ != self.ignore_label for class_ in table.values())


def expect_names(source: LabelSource, where: Path) -> tuple[str, ...]:
    """The names of a source. Raises ValueError if they are label maps, which have none."""
    if source.names is None:
        raise ValueError(
            f"{where} holds label maps, which are numbers without names; `names` has to say what "
            "they mean: a list for 0, 1, ..., or a mapping such as 7: road."
        )
    return source.names


def _expect_labels(values: Iterable[object]) -> None:
    for value in values:
        if not is_whole(value) or not 0 <= value <= 65535:
            raise ValueError(
                f"names or ignore has the label {value!r}; expected whole numbers from 0 to 65535, "
                "or names in a label file."
            )
