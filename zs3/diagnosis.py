"""What a machine has of all that zs3 works with, and what to do about the rest."""

from __future__ import annotations

import importlib.util
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path

# Checks import what they look at: a broken package shall be a finding, not a traceback.

OK, NOTE, PROBLEM = "ok", "note", "PROBLEM"
# What was found, and what to do about it: "" where that is nothing. An exception is a problem.
Check = Callable[[], tuple[str, str]]
_INSTALL = "pip install -e ."
_NOT_INSTALLED = "zs3 is not installed, so what it needs is not compared", _INSTALL


@dataclass(frozen=True)
class Finding:
    """
    Attributes:
        state: OK, PROBLEM, or NOTE on something that many do without.
        said: what was found.
        advice: what to do about it; "" where that is nothing.
    """

    topic: str
    state: str
    said: str
    advice: str


def diagnose(output: str | Path) -> list[Finding]:
    """All checks; `output` is where runs would write."""
    checks: dict[str, tuple[Check, str]] = {
        "runtime": (_runtime, "see docs/runtime.md"),
        "versions": (_versions, _INSTALL),
        "packages": (_packages, _INSTALL),
        "extras": (_extras, _INSTALL),
        "parts": (_parts, _INSTALL),
        "devices": (_devices, "install PyTorch for this machine: https://pytorch.org"),
        "tiny CLIP": (_tiny_clip, f"{_INSTALL}, with the files of zs3/assets"),
        "datasets": (_datasets, _INSTALL),
        "output": (lambda: _output(Path(output)), "make it writable, or set OUTPUT_DIR"),
    }
    findings: dict[str, Finding] = {}
    for topic, check in checks.items():
        found = finding(topic, *check)
        first = findings.setdefault(found.said, found)
        if first is not found:  # one cause, one remedy
            findings[topic] = replace(found, said=f"as {first.topic}", advice="")
    return list(findings.values())


def finding(topic: str, check: Check, remedy: str) -> Finding:
    """What a check found; if it fails, a problem with its own words and the remedy."""
    try:
        said, advice = check()
    except Exception as error:  # anything may come out of a broken installation
        said = " ".join(f"{type(error).__name__}: {error}".split())
        return Finding(topic, PROBLEM, said[:400], remedy)
    return Finding(topic, NOTE if advice else OK, said, advice)


def _versions() -> tuple[str, str]:
    from .environment import versions

    found = versions()
    said = ", ".join(f"{name} {version}" for name, version in found.items())
    if "missing" in found.values():
        raise ImportError(said)
    return said, ""


def _packages() -> tuple[str, str]:
    try:
        unmet, count = _unmet("")
    except metadata.PackageNotFoundError:
        return _NOT_INSTALLED
    if unmet:
        raise ImportError(f"zs3 needs {', '.join(unmet)}")
    return f"all {count} that zs3 needs are there", ""


def _extras() -> tuple[str, str]:
    try:
        extras = metadata.metadata("zs3").get_all("Provides-Extra") or []
    except metadata.PackageNotFoundError:
        return _NOT_INSTALLED
    unmet = {extra: _unmet(extra)[0] for extra in extras}
    wanting = {extra: packages for extra, packages in unmet.items() if packages}
    if not wanting:
        return f"{', '.join(extras)}: complete", ""
    said = "; ".join(f"{extra}: without {', '.join(unmet)}" for extra, unmet in wanting.items())
    return said, f'to have them: pip install -e ".[{",".join(wanting)}]"'


def _unmet(extra: str) -> tuple[list[str], int]:
    """Those packages that zs3 itself (""), or one of its extras, asks for in vain; of how many."""
    from packaging.requirements import Requirement

    asked = [Requirement(line) for line in metadata.requires("zs3") or ()]
    asked = [each for each in asked if ("extra" in str(each.marker)) == bool(extra)]
    asked = [each for each in asked if not each.marker or each.marker.evaluate({"extra": extra})]
    unmet = []
    for each in asked:
        try:
            version = metadata.version(each.name)
        except metadata.PackageNotFoundError:
            version = "none"
        if version == "none" or not each.specifier.contains(version, prereleases=True):
            unmet.append(f"{each.name}{each.specifier} (here: {version})")
    return unmet, len(asked)


def _runtime() -> tuple[str, str]:
    from .runtime import RUNTIME

    if RUNTIME == "detectron2":
        return "Detectron2", ""
    there = importlib.util.find_spec("detectron2")
    return f"embedded, as {'ZS3_RUNTIME says' if there else 'Detectron2 is not installed'}", ""


def _parts() -> tuple[str, str]:
    from . import segmentor  # imports every part there is, and what they are made of

    return f"{segmentor.__name__} and all parts can be imported", ""


def _devices() -> tuple[str, str]:
    import torch

    from .environment import machine

    here = machine()
    gpus = [f"{gpu['name']} ({gpu['memory']} GiB)" for gpu in here["gpus"]]
    for i in range(len(gpus)):
        torch.ones(1, device=f"cuda:{i}").add(1).item()
    cpu = f"{here['cpu']}, {here['cores']} cores, {here['threads']} torch threads"
    return f"{cpu}; {', '.join(gpus) or 'no GPU that torch can use'}", ""


def _tiny_clip() -> tuple[str, str]:
    import torch

    from .text import OpenClipText, load_clip

    start, prompt = time.perf_counter(), "a red star"
    model, tokenizer = load_clip("shapes_clip")
    with torch.inference_mode():
        embedding = OpenClipText(model=model, tokenizer=tokenizer)([prompt])
    if not embedding.isfinite().all() or not embedding.any():
        raise ValueError(f"the embedding of {prompt!r} is not finite, or nothing but zeros")
    seconds = time.perf_counter() - start
    return f"{prompt!r} is {embedding.shape[1]} numbers, after {seconds:.1f} s", ""


def _datasets() -> tuple[str, str]:
    from .data.datasets import register_all
    from .runtime.data import DatasetCatalog

    register_all()
    said = f"{len(DatasetCatalog.list())} sets known by name"
    root = Path(os.environ.get("DETECTRON2_DATASETS", "datasets"))
    if not root.is_dir():
        return (
            said,
            f"for sets that lie on disk, let DETECTRON2_DATASETS name their folder ({root})",
        )
    return f"{said}; files in {root.resolve()} (DETECTRON2_DATASETS)", ""


def _output(folder: Path) -> tuple[str, str]:
    existing = next(path for path in (folder, *folder.resolve().parents) if path.exists())
    with tempfile.TemporaryFile(dir=existing):
        free = shutil.disk_usage(existing).free / 2**30
    said = f"{folder} can be written, {free:.0f} GiB free"
    return said, "" if free > 1 else "checkpoints take more: make room, or set OUTPUT_DIR"
