"""What a run does before anything else."""

from __future__ import annotations

import argparse
import json
import logging
import random
import re

import numpy as np
import pytest
import torch


@pytest.fixture(autouse=True)
def loggers_as_before():
    """Loggers keep handlers for good; those of a test must not outlive it."""
    names = ("zs3", "detectron2", "fvcore", "lamps")
    before = {name: list(logging.getLogger(name).handlers) for name in names}
    yield
    for name in names:
        logger = logging.getLogger(name)
        for handler in set(logger.handlers) - set(before[name]):
            logger.removeHandler(handler)
            handler.close()
        logger.propagate = True


def test_messages_go_to_the_console_and_to_a_file(runtime, tmp_path, capsys):
    logger = runtime.logger.setup_logger(str(tmp_path), color=False, name="lamps")
    logger.getChild("kitchen").warning("too bright")
    line = r"\[\d\d/\d\d \d\d:\d\d:\d\d\] lamps.kitchen WARNING: too bright\n"
    assert re.fullmatch(line, capsys.readouterr().out)
    assert re.fullmatch(line, (tmp_path / "log.txt").read_text())


def test_asking_twice_does_not_write_twice(runtime, tmp_path, capsys):
    path = str(tmp_path / "twice.log")
    for _ in range(2):
        logger = runtime.logger.setup_logger(path, name="lamps")
    logger.info("once")
    assert capsys.readouterr().out.count("once") == 1


def test_other_processes_write_to_files_of_their_own_only(runtime, tmp_path, capsys):
    logger = runtime.logger.setup_logger(str(tmp_path), 2, name="lamps")
    logger.info("from process 2")
    assert capsys.readouterr().out == ""
    assert "from process 2" in (tmp_path / "log.txt.rank2").read_text()


def draw():
    return random.random(), np.random.rand(), torch.rand(1).item()


def test_setup_writes_the_configuration_and_seeds(runtime, tmp_path, capsys):
    cfg = runtime.config.load_config(None, ["OUTPUT_DIR", str(tmp_path / "run"), "SEED", "3"])
    args = argparse.Namespace(eval_only=False)
    runtime.engine.default_setup(cfg, args)
    first = draw()
    runtime.engine.default_setup(cfg, args)
    assert draw() == first
    assert runtime.config.load_config(tmp_path / "run" / "config.yaml") == cfg
    log = (tmp_path / "run" / "log.txt").read_text()
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["versions"]["runtime"] == runtime.name and record["seed"] == 3
    assert f'"runtime": "{runtime.name}"' in log
    assert "eval_only=False" in log
    capsys.readouterr()


def test_a_negative_seed_is_another_one_every_time(runtime, tmp_path, capsys):
    cfg = runtime.config.load_config(None, ["OUTPUT_DIR", str(tmp_path)])
    seen = set()
    for _ in range(2):
        runtime.engine.default_setup(cfg, argparse.Namespace())
        drawn = json.loads((tmp_path / "run.json").read_text())["seed"]
        seen.add((drawn, *draw()))
    assert len({drawn for drawn, *_ in seen}) == len(seen) == 2
    capsys.readouterr()
