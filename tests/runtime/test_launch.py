"""Processes that start, find each other, exchange values, and end."""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
import torch
import torch.distributed as dist

ROOT = Path(__file__).parents[2]

# What processes run. Spawned ones import it by name, so it becomes a module of its own.
MAIN = """
import json, os, sys, time, weakref
from pathlib import Path
import torch, torch.distributed as dist
from zs3.runtime.engine import launch
from zs3.runtime.utils import comm

groups = weakref.WeakSet()


def exchange(folder):
    rank = comm.get_rank()
    value = torch.tensor(rank + 1.0)
    comm.synchronize()
    seen = {
        "rank": rank,
        "local_rank": comm.get_local_rank(),
        "world_size": comm.get_world_size(),
        "is_main": comm.is_main_process(),
        "all_gather": comm.all_gather({"from": rank}),
        "gather": comm.gather(f"from {rank}"),
        "gather to 1": comm.gather(rank, dst=1),
        "mean": comm.reduce_dict({"b": value, "a": torch.tensor(9.0)})["b"].item(),
        "sum": comm.reduce_dict({"b": value}, average=False)["b"].item(),
    }
    Path(folder, f"{rank}.json").write_text(json.dumps(seen))
    groups.add(dist.group.WORLD)


def fail():
    if comm.get_rank() == 1:
        raise OSError("process 1 has no disk")
    comm.synchronize()


def wait(folder):
    Path(folder, f"pid{comm.get_rank()}").write_text(str(os.getpid()))
    time.sleep(600)


if __name__ == "__main__":
    launch(globals()[sys.argv[1]], int(sys.argv[2]), args=(sys.argv[3],))
    assert not groups, "a process group outlived its run"
"""

EXCHANGED = [
    {
        "rank": rank,
        "local_rank": rank,
        "world_size": 2,
        "is_main": rank == 0,
        "all_gather": [{"from": 0}, {"from": 1}],
        "gather": ["from 0", "from 1"] if rank == 0 else [],
        "gather to 1": [0, 1] if rank == 1 else [],
    }
    for rank in (0, 1)
]


def exchanged(folder):
    seen = [json.loads((folder / f"{rank}.json").read_text()) for rank in (0, 1)]
    assert (seen[0].pop("mean"), seen[0].pop("sum")) == (1.5, 3.0)
    for name in ("mean", "sum"):  # only the main process may rely on it
        seen[1].pop(name)
    return seen


@pytest.fixture
def main_file(tmp_path):
    path = tmp_path / "zs3_launch_main.py"
    path.write_text(MAIN)
    return path


@pytest.fixture
def main_module(main_file, monkeypatch):
    """MAIN as a module, whose functions run without GPUs."""
    monkeypatch.syspath_prepend(str(main_file.parent))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    yield importlib.import_module(main_file.stem)
    del sys.modules[main_file.stem]


@pytest.fixture
def script(main_file):
    """Starts MAIN with arguments, in a session of its own and on the embedded runtime."""
    started = []

    def start(*words, launcher=()):
        environment = {
            "PYTHONPATH": str(ROOT),
            "CUDA_VISIBLE_DEVICES": "",
            "ZS3_RUNTIME": "embedded",
        }
        process = subprocess.Popen(
            [sys.executable, *launcher, str(main_file), *words, str(main_file.parent)],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment},
            start_new_session=True,
            # Ctrl-C is ignored in what a shell has put into the background, and this is inherited.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        started.append(process)
        return process

    yield start
    for process in started:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def test_two_processes_exchange_values(runtime, main_module, tmp_path):
    runtime.engine.launch(main_module.exchange, 2, args=(str(tmp_path),))
    assert exchanged(tmp_path) == EXCHANGED


@pytest.mark.parametrize("runtime", ["embedded"], indirect=True)
def test_the_process_that_failed_first_is_the_one_reported(runtime, main_module):
    with pytest.raises(ValueError, match="process 1 has no disk"):
        runtime.engine.launch(main_module.fail, 2)


def test_torchrun_brings_its_own_processes(script, tmp_path):
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    process = script("exchange", "1", launcher=torchrun)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert exchanged(tmp_path) == EXCHANGED


def test_interrupting_the_parent_leaves_no_process(script, tmp_path):
    process = script("wait", "2")
    files = [tmp_path / "pid0", tmp_path / "pid1"]
    deadline = time.monotonic() + 120
    while not all(file.exists() and file.read_text() for file in files):
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)  # what Ctrl-C does
    process.communicate(timeout=60)
    assert process.returncode != 0
    for file in files:
        with pytest.raises(ProcessLookupError):
            os.kill(int(file.read_text()), 0)


# ---- one process


def test_a_single_process_runs_right_here_without_a_group(runtime):
    seen = []
    for count in (0, 1):
        runtime.engine.launch(lambda x: seen.append((x, dist.is_initialized())), count, args=(3,))
    assert seen == [(3, False), (3, False)]


def test_alone_communication_is_free(runtime):
    comm = runtime.comm
    assert (comm.get_rank(), comm.get_world_size(), comm.get_local_rank()) == (0, 1, 0)
    assert comm.is_main_process()
    comm.synchronize()
    assert comm.all_gather("x") == ["x"]
    assert comm.gather("x") == ["x"]
    assert comm.reduce_dict({"a": torch.tensor(3.0)}) == {"a": torch.tensor(3.0)}


@pytest.mark.parametrize("fails", [False, True])
def test_a_torchrun_of_one_joins_and_always_leaves(runtime, monkeypatch, fails):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(runtime.launch.comm, "create_local_process_group", lambda count: None)
    names = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
    port = str(runtime.launch._free_port())
    for name, value in zip(names, ("0", "0", "1", "1", "127.0.0.1", port), strict=True):
        monkeypatch.setenv(name, value)
    seen = []

    def main():
        seen.append((dist.is_initialized(), dist.get_backend()))
        if fails:
            raise OSError("no disk")

    if fails:
        with pytest.raises(OSError, match="no disk"):
            runtime.engine.launch(main, 5)
    else:
        runtime.engine.launch(main, 5)
    assert seen == [(True, "gloo")]
    assert not dist.is_initialized()


def test_several_machines_need_an_address(runtime, monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(ValueError, match="2 machines need a common dist_url: tcp://HOST:PORT"):
        runtime.engine.launch(print, 2, num_machines=2)


def test_more_processes_than_gpus_are_refused(runtime, monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(ValueError, match="2 GPUs were asked for, but there are 1"):
        runtime.engine.launch(print, 2, on_gpu=True)
