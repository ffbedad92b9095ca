"""The names a segmenter is asked about, in label order, and which of them had training masks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from .class_file import is_saved, read_class_file
from .files import write_atomically
from .nearest import did_you_mean

# The label that means "no class", in targets. Files have their own (255 in 8-bit ones, where it
# could not be a class); a vocabulary may be larger than that.
IGNORE = 65535
# What is asked for beside the one class of an episode.
OTHERS = "others"


@dataclass(frozen=True)
class Vocabulary:
    """
    Args:
        names: one canonical name a class; label k of a label map is names[k]. Unique and not empty.
        is_seen: whether class k had training masks; all True if left out.
        synonyms: what prompts may call class k, the usual word first; the name split at ", " if
            left out.

    Raises:
        ValueError: no names, an empty or repeated name, or lists of different lengths.
    """

    names: tuple[str, ...]
    is_seen: tuple[bool, ...] = field(default=())
    synonyms: tuple[tuple[str, ...], ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        names = tuple(self.names)
        if not names:
            raise ValueError("a vocabulary needs at least one class name, but got none.")
        blank = [i for i, name in enumerate(names) if not isinstance(name, str) or not name.strip()]
        if blank:
            raise ValueError(
                f"class names must be non-empty strings, but number {blank[0]} is "
                f"{names[blank[0]]!r}."
            )
        repeated = (
            sorted({name for name in names if names.count(name) > 1})
            if len(set(names)) < len(names)
            else []
        )
        if repeated:
            raise ValueError(f"class names must be unique, but {repeated} occur more than once.")
        is_seen = tuple(map(bool, self.is_seen)) or (True,) * len(names)
        synonyms = tuple(map(tuple, self.synonyms)) or tuple(
            tuple(name.split(", ")) for name in names
        )
        for what, values in (("is_seen", is_seen), ("synonyms", synonyms)):
            if len(values) != len(names):
                raise ValueError(
                    f"{what} has {len(values)} entries for {len(names)} names; expected one a name."
                )
        silent = [
            name for name, words in zip(names, synonyms, strict=True) if not all(words) or not words
        ]
        if silent:
            raise ValueError(
                f"class {silent[0]!r} has an empty synonym; leave it out or give it a word."
            )
        object.__setattr__(self, "names", names)
        object.__setattr__(self, "is_seen", is_seen)
        object.__setattr__(self, "synonyms", synonyms)

    @classmethod
    def of(
        cls,
        names: str | Iterable[str] | Mapping[str, str | Sequence[str]],
        unseen: Iterable[str] = (),
        prompts: Mapping[str, str | Sequence[str]] | None = None,
    ) -> Vocabulary:
        """
        Builds a vocabulary from what people write.

        Args:
            names: a list of names, one string of names separated by commas, or a mapping name ->
                word(s) for prompts. Blanks around a name do not belong to it.
            unseen: names that had no training masks; they must be among `names`.
            prompts: word(s) to use in prompts instead of a name, e.g. {"pottedplant": "potted
                plant"}.

        Raises:
            ValueError: an unknown name in `unseen` or `prompts`.
        """
        words: dict[str, str | Sequence[str]] = dict(prompts or {})
        if isinstance(names, str):
            names = [name.strip() for name in names.split(",") if name.strip()]
        elif isinstance(names, Mapping):
            words = {**names, **words}
            names = list(names)
        names = tuple(names)
        cls(names)  # names that are no names are refused first
        names, unseen = tuple(map(str.strip, names)), set(map(str.strip, unseen))
        words = {name.strip(): word for name, word in words.items()}
        for what, given in (("unseen classes", unseen), ("prompts for classes", set(words))):
            unknown = sorted(given - set(names))
            if unknown:
                raise ValueError(
                    f"{what} {unknown} are not in the vocabulary ({_summary(names)})."
                    f"{_hint(unknown[0], names)}"
                )
        as_tuple = {
            name: (word,) if isinstance(word, str) else tuple(word) for name, word in words.items()
        }
        synonyms = tuple(as_tuple.get(name) or tuple(name.split(", ")) for name in names)
        return cls(names, tuple(name not in unseen for name in names), synonyms)

    @classmethod
    def from_metadata(
        cls, metadata: Any
    ) -> Vocabulary:  # Any: Detectron2's Metadata takes any attribute
        """
        Of a registered dataset: `stuff_classes`, and where there are any `unseen` and `prompts`.
        """
        return cls.of(metadata.stuff_classes, metadata.get("unseen", ()), metadata.get("prompts"))

    @classmethod
    def load(cls, path: str | Path) -> Vocabulary:
        """
        Reads names from a file, see `read_class_file`.

        Raises:
            OSError: no such file.
            ValueError: it holds something else, or names that are no vocabulary.
        """
        classes = read_class_file(path)
        try:
            if isinstance(classes, dict) and is_saved(classes):
                return cls(**classes)
            return cls.of(classes)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error

    def save(self, path: str | Path) -> None:
        """Writes names, is_seen and synonyms as JSON."""
        text = json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n"
        write_atomically(path, text.encode())

    def __len__(self) -> int:
        return len(self.names)

    @property
    def seen(self) -> tuple[str, ...]:
        """Names with training masks, in label order."""
        return tuple(name for name, seen in zip(self.names, self.is_seen, strict=True) if seen)

    @property
    def unseen(self) -> tuple[str, ...]:
        """Names without training masks, in label order."""
        return tuple(name for name, seen in zip(self.names, self.is_seen, strict=True) if not seen)

    def index(self, name: str) -> int:
        """Label of a name. Raises ValueError with the nearest known name."""
        if name not in self.names:
            raise ValueError(
                f"class {name!r} is not in the vocabulary ({_summary(self.names)})."
                f"{_hint(name, self.names)}"
            )
        return self.names.index(name)

    def only(self, names: Iterable[str]) -> Vocabulary:
        """The sub-vocabulary of some names, in the order given."""
        position = {name: i for i, name in enumerate(self.names)}
        chosen = [position[name] if name in position else self.index(name) for name in names]
        return Vocabulary(
            tuple(self.names[i] for i in chosen),
            tuple(self.is_seen[i] for i in chosen),
            tuple(self.synonyms[i] for i in chosen),
        )

    def against_others(self, *names: str) -> Vocabulary:
        """What is asked in an episode about one of the names (or some): OTHERS, and that name."""
        chosen = self.only(names)
        return Vocabulary(
            (OTHERS, *chosen.names), (True, *chosen.is_seen), ((OTHERS,), *chosen.synonyms)
        )

    def only_seen(self) -> Vocabulary:
        """The classes a model may be trained on."""
        return self.only(self.seen)

    def seen_by(self, trained: Vocabulary) -> Vocabulary:
        """
        The same classes as a model sees them that was trained on another vocabulary: a class is
        seen if its name or a synonym is one of a class that is seen there, in any capitals.
        """
        known = set().union(*(trained._words(k) for k in range(len(trained)) if trained.is_seen[k]))
        is_seen = tuple(not known.isdisjoint(self._words(k)) for k in range(len(self)))
        return replace(self, is_seen=is_seen)

    def remap(self, other: Vocabulary) -> np.ndarray:
        """
        Table from this vocabulary's labels to another's.

        Returns:
            np.ndarray: (65536,) int64, table[label]; IGNORE where `other` lacks the name, and for
            every label that is no class of this vocabulary (a file's own ignore label among them).
        """
        table = np.full(IGNORE + 1, IGNORE, np.int64)
        position = {name: i for i, name in enumerate(other.names)}
        table[: len(self)] = [position.get(name, IGNORE) for name in self.names]
        return table

    def _words(self, index: int) -> set[str]:
        """What class `index` is called, in small letters."""
        return {word.strip().lower() for word in (self.names[index], *self.synonyms[index])}


@dataclass(frozen=True)
class Episode(Vocabulary):
    """
    A vocabulary of which one class is looked for: in training on episodes, an image's own.

    Args:
        wanted: its name.
    """

    wanted: str = ""

    @classmethod
    def about(cls, vocabulary: Vocabulary, wanted: str) -> Episode:
        """Raises ValueError for a name that is not in the vocabulary."""
        vocabulary.index(wanted)
        return cls(vocabulary.names, vocabulary.is_seen, vocabulary.synonyms, wanted)


def _summary(names: Sequence[str]) -> str:
    return f"{len(names)} names, such as {names[0]!r}"


def _hint(name: str, names: Sequence[str]) -> str:
    return did_you_mean(name, names) or " Names must be spelled as in the vocabulary."
