"""
`detectron2.config`: what zs3 uses of it; `load_config` reads YAML in one way on both runtimes.

The embedded default tree is the list of Detectron2's keys that zs3 reads. On Detectron2 the others
exist too; setting one to something else than its default is refused: nothing would come of it.
"""

from __future__ import annotations

import ast
import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any  # configuration values are of any type

import torch
import yaml

from .choice import RUNTIME
from .embedded.config import get_cfg as _keys_zs3_reads
from .settings import Setting, settings_of_file, settings_of_options

if TYPE_CHECKING or RUNTIME == "embedded":
    from .embedded.config import CfgNode, configurable, get_cfg
else:
    from detectron2.config import CfgNode, configurable, get_cfg

__all__ = ["CfgNode", "configurable", "dump", "get_cfg", "leaves", "load_config", "resolve_device"]


def load_config(
    config_file: str | Path | None,
    opts: Sequence[str] = (),
    add_keys: Callable[[CfgNode], None] = lambda cfg: None,
    settled: Mapping[str, Any] | None = None,
) -> CfgNode:
    """
    Defaults, then a YAML file with its bases, then KEY VALUE pairs, then what is settled.

    Args:
        config_file: None or "" for the defaults alone.
        opts: ["SOLVER.MAX_ITER", "100", ...].
        add_keys: adds keys of one's own, with defaults, to the tree it is given.
        settled: values by key that a command sets itself; no complaint about `opts` speaks of them.

    Raises:
        ValueError: an unknown key, a value of the wrong type, unsafe or malformed YAML; the message
            says where it stands.
        FileNotFoundError: no such file.
    """
    cfg, read = get_cfg(), _keys_zs3_reads()
    add_keys(cfg)
    add_keys(read)
    existing, known = dict(leaves(cfg)), dict(leaves(read))
    settings = settings_of_file(Path(config_file)) if config_file else []
    own = [Setting(key, value, "this command") for key, value in (settled or {}).items()]
    for setting in settings + settings_of_options(opts) + own:
        if setting.key in known:
            _assign(cfg, setting.key, _converted(setting, known[setting.key]))
        elif setting.key not in existing:
            raise ValueError(f"{setting.source}: {_refusal(setting, known)}")
        elif not _equal(_decoded(setting.value), existing[setting.key]):
            raise ValueError(
                f"{setting.source}: zs3 does not read Detectron2's {setting.key}; remove it."
            )
    return cfg


def dump(cfg: CfgNode) -> str:
    """YAML of every key that zs3 reads: the same text on both runtimes, and loadable on both."""
    unread = dict(leaves(get_cfg())).keys() - dict(leaves(_keys_zs3_reads())).keys()
    tree: dict[str, Any] = {}
    for key, value in leaves(cfg):
        if key not in unread:
            *sections, name = key.split(".")
            node = tree
            for section in sections:
                node = node.setdefault(section, {})
            node[name] = value
    return yaml.safe_dump(tree)


def resolve_device(name: str) -> str:
    """ "auto" is a GPU where there is one, else the CPU; any other name is itself."""
    if name != "auto":
        return name
    return "cuda" if torch.cuda.is_available() else "cpu"


def leaves(node: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The values of a tree, by the keys from its root, joined by dots."""
    for name, value in node.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _assign(cfg: CfgNode, key: str, value: Any) -> None:
    *sections, name = key.split(".")
    for section in sections:
        cfg = cfg[section]
    cfg[name] = value


def _decoded(value: Any) -> Any:
    """Text that spells a Python literal becomes it, as in Detectron2: 1e-4 is text in YAML."""
    if not isinstance(value, str):
        return value
    try:
        return ast.literal_eval(value)
    except (ValueError, SyntaxError, TypeError):
        return value


def _converted(setting: Setting, default: Any) -> Any:
    """The value in the type of the default: lists and tuples are alike, an int is a float."""
    if isinstance(default, str) and isinstance(setting.value, str):
        value = _decoded(setting.value)
        return value if isinstance(value, str) else setting.value
    value = _decoded(setting.value)
    kind = float if default is None else type(default)  # None stands for a number of another key
    if type(value) is kind or value is default:
        return value
    if (type(value), kind) in ((int, float), (list, tuple), (tuple, list)):
        return kind(value)
    raise ValueError(
        f"{setting.source}: {setting.key} expects {kind.__name__} (its default is {default!r}), "
        f"but got {type(value).__name__} {value!r}."
    )


def _equal(value: Any, default: Any) -> bool:
    """Whether both look the same in YAML, which knows no tuples."""
    return yaml.safe_dump(value) == yaml.safe_dump(default)


def _refusal(setting: Setting, known: dict[str, Any]) -> str:
    """What is wrong with a key that is not among the known ones."""
    inside = sorted(key for key in known if key.startswith(f"{setting.key}."))
    if inside:
        return f"{setting.key} is a section with {inside[0]} and others; got {setting.value!r}."
    outside = next((key for key in known if setting.key.startswith(f"{key}.")), None)
    if outside is not None:
        return (
            f"{setting.key}: {outside} is no section; it expects {type(known[outside]).__name__}."
        )
    near = _nearest(setting.key, known)
    hint = f"The nearest is {near}." if near else "None is near it; zs3/config has them all."
    return f"{setting.key} is not a key that zs3 reads. {hint}"


def _nearest(key: str, known: Iterable[str]) -> str | None:
    """The nearest key within the section that is right, which says nothing about nearness."""
    section, dot, _ = key.rpartition(".")
    while section and not any(each.startswith(f"{section}.") for each in known):
        section, dot, _ = section.rpartition(".")
    shared = section + dot
    rest = [each.removeprefix(shared) for each in known if each.startswith(shared)]
    near = difflib.get_close_matches(key.removeprefix(shared), rest, n=1)
    return shared + near[0] if near else None
