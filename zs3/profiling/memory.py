"""Peak memory of a piece of work."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import torch

_PROCESS = Path("/proc/self")


def peak_growth(work: Callable[[], object], device: torch.device) -> int | None:
    """
    How far memory rises above what is held when `work` begins.

    What a process has freed before is used again and not seen, so measure in a fresh one.

    Returns:
        int | None: bytes; those of tensors on a GPU, resident memory of the process on CPUs. None
        where the operating system does not tell (only Linux does).
    """
    if device.type == "cuda":
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        work()
        torch.cuda.synchronize()
        return torch.cuda.max_memory_allocated() - before
    try:
        (_PROCESS / "clear_refs").write_text("5")  # the peak is now what is resident
        before = _resident_peak()
    except OSError:
        work()
        return None
    work()
    return _resident_peak() - before


def _resident_peak() -> int:
    found = re.search(r"VmHWM:\s*(\d+) kB", (_PROCESS / "status").read_text())
    if found is None:
        raise OSError("/proc/self/status tells no VmHWM")
    return 1024 * int(found[1])
