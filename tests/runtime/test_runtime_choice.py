"""One place decides between the embedded runtime and Detectron2."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path

import pytest

import zs3
from zs3.runtime import choice

PACKAGE = Path(zs3.__file__).parent


class Missing:
    """An import hook for a package that is absent, or present but broken."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name.partition(".")[0] == "detectron2":
            raise self.error


@pytest.fixture
def detectron2_fails_with(monkeypatch):
    def fail(error):
        for name in [name for name in sys.modules if name.partition(".")[0] == "detectron2"]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.setattr(sys, "meta_path", [Missing(error), *sys.meta_path])
        monkeypatch.delenv("ZS3_RUNTIME", raising=False)

    return fail


NOT_INSTALLED = ModuleNotFoundError("No module named 'detectron2'", name="detectron2")


def test_without_detectron2_the_embedded_runtime_is_used(detectron2_fails_with):
    detectron2_fails_with(NOT_INSTALLED)
    assert choice.choose() == "embedded"


@pytest.mark.parametrize(
    "error",
    [
        ModuleNotFoundError("No module named 'omegaconf'", name="omegaconf"),
        ModuleNotFoundError("No module named 'detectron2.config'", name="detectron2.config"),
        ImportError("_C.so: undefined symbol"),
    ],
)
def test_a_broken_detectron2_is_reported_not_hidden(detectron2_fails_with, error):
    detectron2_fails_with(error)
    with pytest.raises(ImportError, match=f"{re.escape(str(error))}.*ZS3_RUNTIME=embedded"):
        choice.choose()


def test_embedded_can_be_forced_and_then_detectron2_is_not_touched(
    detectron2_fails_with, monkeypatch
):
    detectron2_fails_with(ImportError("broken"))
    monkeypatch.setenv("ZS3_RUNTIME", "embedded")
    assert choice.choose() == "embedded"


def test_forcing_detectron2_where_there_is_none_says_so(detectron2_fails_with, monkeypatch):
    detectron2_fails_with(NOT_INSTALLED)
    monkeypatch.setenv("ZS3_RUNTIME", "detectron2")
    with pytest.raises(ImportError, match=r"ZS3_RUNTIME=detectron2 .* not installed"):
        choice.choose()


def test_any_other_name_is_refused(monkeypatch):
    monkeypatch.setenv("ZS3_RUNTIME", "mmseg")
    with pytest.raises(ValueError, match="'mmseg'; expected 'embedded' or 'detectron2'"):
        choice.choose()


def test_every_module_re_exports_from_the_runtime_chosen(runtime):
    assert runtime.name == runtime.config.RUNTIME
    origin = "detectron2." if runtime.name == "detectron2" else "zs3.runtime.embedded."
    for thing in (
        runtime.config.configurable,
        type(runtime.data.DatasetCatalog),
        runtime.engine.TrainerBase,
        runtime.evaluation.DatasetEvaluator,
        runtime.layers.ShapeSpec,
        runtime.modeling.sem_seg_postprocess,
        runtime.structures.ImageList,
        runtime.comm.gather,
        runtime.events.EventStorage,
        runtime.logger.setup_logger,
    ):
        assert thing.__module__.startswith(origin)


def test_the_session_uses_one_runtime():
    assert importlib.import_module("zs3.runtime").RUNTIME in ("embedded", "detectron2")


def test_only_the_seam_imports_detectron2():
    importing = re.compile(r"^\s*(import|from)\s+detectron2\b|import_module\(.detectron2", re.M)
    sources = [*PACKAGE.rglob("*.py"), *PACKAGE.parent.glob("*.py")]
    for folder in ("datasets", "demo", "benchmarks"):
        sources += (PACKAGE.parent / folder).rglob("*.py")
    guilty = [path for path in sources if importing.search(path.read_text(encoding="utf-8"))]
    assert guilty
    assert {path.parent for path in guilty} <= {PACKAGE / "runtime", PACKAGE / "runtime" / "utils"}
