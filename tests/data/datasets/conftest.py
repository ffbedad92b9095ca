"""What the tests of datasets share: a folder for them, and image sets of a few images."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from zs3.data import image_set
from zs3.data.datasets import ade20k, coco, pascal_context, register_all, voc
from zs3.data.image_set import ImageSet, register_image_sets
from zs3.runtime.data import DatasetCatalog, MetadataCatalog

# Under any import mode.
sys.path.insert(0, str(Path(__file__).parent))
SCRIPTS = Path(__file__).parents[3] / "datasets" / "prepare"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DETECTRON2_DATASETS", str(tmp_path))
    return tmp_path


@pytest.fixture
def small(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """
    small(lists, counts): all image sets have these image lists, and (train, val) images where they
    have none.
    """
    families = (voc, pascal_context, coco, ade20k)

    def shrink(lists: dict[str, object] | None = None, counts: tuple[int, int] = (0, 0)) -> None:
        monkeypatch.setattr(image_set, "image_list", (lists or {}).__getitem__)
        for family in families:
            sets = [_shrunk(chosen, counts) for chosen in family.SETS]
            monkeypatch.setattr(family, "SETS", tuple(sets))
        _register([chosen for family in families for chosen in family.SETS])

    originals = [chosen for family in families for chosen in family.SETS]
    yield shrink
    _register(originals)


def _shrunk(chosen: ImageSet, counts: tuple[int, int]) -> ImageSet:
    return replace(chosen, count=counts[chosen.part == "val"]) if chosen.count else chosen


def _register(sets: list[ImageSet]) -> None:
    register_all()
    for chosen in sets:
        for split in chosen.splits:
            DatasetCatalog.remove(chosen.name(split))
            MetadataCatalog.remove(chosen.name(split))
    register_image_sets(sets)


@pytest.fixture
def script(root: Path) -> Callable[[str], ModuleType]:
    """A script of datasets/prepare as a module."""

    def load(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(f"prepare_{name}", SCRIPTS / f"{name}.py")
        assert spec and spec.loader
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module  # other processes look functions up by it
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture
def run(script: Callable[[str], ModuleType]) -> Callable[..., None]:
    """run("voc2012", "--force"): in this process."""
    return lambda name, *options: script(name).main(["--jobs", "1", *options])
