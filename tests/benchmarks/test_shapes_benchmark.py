from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest


@pytest.fixture
def runs(shapes, monkeypatch):
    """What the benchmark calls, in order; every training leaves its weights."""
    called: list[tuple[str, ...]] = []

    def run(config, *arguments):
        called.append((config, *arguments))
        if "--eval-only" not in arguments:
            folder = Path(arguments[arguments.index("OUTPUT_DIR") + 1])
            folder.mkdir(parents=True)
            (folder / "model_final.safetensors").touch()

    def make_blocks(arguments):
        called.append(("blocks",))
        Path(arguments[arguments.index("--output") + 1]).touch()

    monkeypatch.setattr(shapes, "run", run)
    monkeypatch.setattr(shapes, "make_blocks", make_blocks)
    return called


def test_what_a_configuration_starts_from_is_trained_first_with_its_seed(shapes, runs, tmp_path):
    shapes.train("cagnet_self_training", 3, tmp_path)
    assert [config for config, *_ in runs] == ["spnet_projection", "cagnet", "cagnet_self_training"]
    for (before, *_), (_, *arguments) in pairwise(runs):
        start = arguments[arguments.index("MODEL.WEIGHTS") + 1]
        assert start == str(tmp_path / before / "seed3")
    assert all(words[words.index("SEED") + 1] == "3" for words in runs)


def test_a_stage_is_shared_and_blocks_are_made_once(shapes, runs, tmp_path):
    for seed in (0, 1):
        shapes.train("zs3net", seed, tmp_path)
        shapes.train("cagnetv2", seed, tmp_path)
    first = ["spnet_projection", "zs3net", "blocks", "cagnetv2"]
    assert [config for config, *_ in runs] == [*first, *(c for c in first if c != "blocks")]
    assert runs[3][-1] == str(tmp_path / "cagnetv2" / "blocks.safetensors")


def test_variants_are_read_out_from_one_training(shapes, runs, tmp_path):
    for row in shapes.ROWS:
        if row.config == "spnet_projection":
            shapes.measure(row, 0, tmp_path)
    trainings = [words for words in runs if "--eval-only" not in words]
    folders = {words[words.index("OUTPUT_DIR") + 1] for words in runs}
    assert len(trainings) == 1 and len(folders) == len(runs) > 2


def test_every_row_has_a_configuration_and_a_name_of_its_own(shapes):
    assert len({row.title for row in shapes.ROWS}) == len(shapes.ROWS)
    assert all(Path(shapes.file_of(row.config)).is_file() for row in shapes.ROWS)


def write_scores(shapes, output, row, seed, value):
    file = shapes.metrics(output, row, seed, shapes.SETS["test"])
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"sem_seg": dict.fromkeys(shapes.COLUMNS, value)}))


def test_the_table_is_over_all_seeds_and_keeps_rows_that_have_more(shapes, monkeypatch, tmp_path):
    monkeypatch.setattr(shapes, "ROOT", tmp_path)
    columns = " | ".join(["1.0"] * len(shapes.COLUMNS))
    first, second, third = shapes.ROWS[:3]
    (tmp_path / "README.md").write_text(
        f"| {first.title} | test | {columns} | 1.0, 1.0 |\n"
        f"| {second.title} | test | {columns} | 1.0, 1.0, 1.0 |\n"
    )
    for row in (first, second):
        for seed in (0, 4):
            write_scores(shapes, tmp_path / "runs", row, seed, 10.0 * (1 + seed))
    lines = [line for line in shapes.table(tmp_path / "runs").split("\n") if "| test |" in line]
    assert lines[0].startswith(f"| {first.title} | test | 30.0 | 30.0 |")
    assert lines[0].endswith("| 10.0, 50.0 |")
    assert lines[1].endswith("| 1.0, 1.0, 1.0 |")
    assert lines[2].startswith(f"| {third.title} |") and lines[2].endswith("| not run |")
