"""What stands behind a result: the command, the versions, the seed and the machine."""

from __future__ import annotations

import os
import platform
import shlex
import subprocess
import sys
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import Any  # JSON

import torch

from .runtime import RUNTIME
from .runtime.utils import comm
from .version import __version__

_PACKAGES = ("torch", "torchvision", "open_clip_torch", "timm", "numpy")


def run_record() -> dict[str, Any]:
    """
    What to write down beside the results of this process, as JSON holds it.

    Returns:
        dict: "command" as one would type it, "date" with its time zone, "seed" that torch was given
            last, "versions", "revision" of zs3's sources (None if unknown), "machine".
    """
    return {
        "command": _command(),
        "date": datetime.now().astimezone().isoformat(timespec="seconds"),
        "seed": torch.initial_seed(),
        "versions": versions(),
        "revision": revision(),
        "machine": machine(),
    }


def versions() -> dict[str, str]:
    """Of Python, zs3, its runtime and what it computes with; "missing" for what is not there."""
    found = {"python": platform.python_version(), "zs3": __version__, "runtime": RUNTIME}
    return found | {name: _version(name) for name in _PACKAGES}


def machine() -> dict[str, Any]:
    """
    System, processor and its cores, threads torch uses in each of how many processes; of this
    machine's GPUs the name and the memory (GiB).
    """
    gpus = [torch.cuda.get_device_properties(i) for i in range(torch.cuda.device_count())]
    return {
        "system": platform.platform(),
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "processes": comm.get_world_size(),
        "gpus": [{"name": gpu.name, "memory": round(gpu.total_memory / 2**30, 1)} for gpu in gpus],
    }


def in_words() -> str:
    """Versions and machine in a line, to stand beside what was measured."""
    here, has = versions(), machine()
    gpus = ", ".join(gpu["name"] for gpu in has["gpus"])
    return (
        f"{has['cpu']}, {has['cores']} cores, {has['threads']} threads{gpus and f', {gpus}'}; "
        f"Python {here['python']}, torch {here['torch']}, runtime {here['runtime']}"
    )


def revision() -> str | None:
    """Of the repository that tracks zs3's sources, with "-dirty" after local changes."""
    try:
        # A package installed inside of somebody else's repository is not tracked by it.
        _git("ls-files", "--error-unmatch", "version.py")
        return _git("describe", "--always", "--dirty", "--exclude=*", "--abbrev=12")
    except (OSError, subprocess.SubprocessError):
        return None


def _command() -> str:
    program = f"python {sys.argv[0]}" if sys.argv[0].endswith(".py") else sys.argv[0]
    return f"{program} {shlex.join(sys.argv[1:])}"


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(Path(__file__).parent), *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=10, check=True
    ).stdout.strip()


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "missing"


def _cpu() -> str:
    """The processor's name; Linux alone does not tell Python."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())
