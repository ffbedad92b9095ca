"""
Where configuration values come from: YAML files on top of other YAML files, and the command line.

A file may name others under `_BASE_`, one or a list, relative to itself. They come first: later
ones win over earlier ones, and the file itself wins over all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard  # YAML holds values of any type

import yaml

BASE_KEY = "_BASE_"


@dataclass(frozen=True)
class Setting:
    """One value for one dotted key, and who says so (a file's path, or "command line")."""

    key: str
    value: Any
    source: str


def is_whole(value: object) -> TypeGuard[int]:
    """Whether a value is a whole number; Python would also take `true` for one."""
    return isinstance(value, int) and not isinstance(value, bool)


def settings_of_file(path: Path, chain: tuple[Path, ...] = ()) -> list[Setting]:
    """
    Everything a YAML file and its bases set, in the order in which it applies.

    Raises:
        ValueError: unsafe or malformed YAML, a key given twice, no mapping, bases in a circle.
        FileNotFoundError: no such file.
    """
    if path.resolve() in chain:
        raise ValueError(f"{path}: its {BASE_KEY} leads back to itself.")
    if not path.is_file():
        named_by = f", which {chain[-1]} names as its {BASE_KEY}" if chain else ""
        raise FileNotFoundError(f"there is no configuration file {path}{named_by}.")
    tree = _read(path)
    bases = tree.pop(BASE_KEY, [])
    if isinstance(bases, str):
        bases = [bases]
    if not isinstance(bases, list) or not all(isinstance(base, str) for base in bases):
        raise ValueError(
            f"{path}: {BASE_KEY} expects a file name or a list of them, but got {bases!r}."
        )
    settings = []
    for base in bases:
        settings += settings_of_file(
            path.parent / Path(base).expanduser(), (*chain, path.resolve())
        )
    return settings + list(_flat(tree, "", str(path)))


def settings_of_options(options: Sequence[str]) -> list[Setting]:
    """["KEY", "VALUE", "KEY", "VALUE", ...], as they stand at the end of a command."""
    if len(options) % 2:
        raise ValueError(
            f"options come as KEY VALUE pairs, but {list(options)} has {len(options)} words."
        )
    return [
        Setting(key, value, "command line")
        for key, value in zip(options[::2], options[1::2], strict=True)
    ]


def _flat(tree: dict[Any, Any], prefix: str, source: str) -> Iterator[Setting]:
    for name, value in tree.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{name}.", source)
        else:
            yield Setting(f"{prefix}{name}", value, source)


class PlainLoader(yaml.SafeLoader):
    """Plain data only, and no key twice in a mapping, where YAML would silently drop the first."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        names = [key.value for key, _ in node.value]
        repeated = next((name for name in names if names.count(name) > 1), None)
        if repeated is not None:
            raise yaml.constructor.ConstructorError(
                None, None, f"key {repeated!r} is given twice", node.start_mark
            )
        return super().construct_mapping(node, deep)


def _read(path: Path) -> dict[Any, Any]:
    try:
        tree = yaml.load(path.read_text(encoding="utf-8"), Loader=PlainLoader)
    except yaml.YAMLError as error:
        raise ValueError(f"{path} is not plain YAML: {' '.join(str(error).split())}") from error
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise ValueError(f"{path} holds a {type(tree).__name__}; expected keys and values.")
    return tree
