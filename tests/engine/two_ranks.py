"""Runs of two processes: `python two_ranks.py DIRECTORY`, run by test_two_ranks.py."""

from __future__ import annotations

import itertools
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import forks
import miniature
import torch

# What a run would import later, so that forks need not.
import torch._dynamo
import torch.distributed as dist
import torch.utils.tensorboard
from safetensors.torch import load_file

from zs3.engine.steps import Batch

ROOT = Path(sys.argv[1])
FINAL = "model_final.safetensors"
numbers = itertools.count()


def model() -> torch.nn.Module:
    """Without batch norm, whose statistics are each process's own."""
    built = miniature.Miniature()
    del built.layers[1]
    return built


def run(
    directory: Path, rank: int, world_size: int, dropout: float = 0.3, stop: int | None = None
) -> None:
    trained = model()
    trained.layers[1].p = dropout
    batches = miniature.stream(4, rank, world_size)
    cfg = miniature.config(directory, "SEED", rank, "SOLVER.ACCUMULATE", 2)
    trainer = miniature.trainer(cfg, model=trained, loader=batches)
    trainer.resume()
    trainer.train(max_iter=stop)
    torch.save(trained.state_dict(), directory / f"rank{rank}.pth")


def explode(directory: Path, rank: int, world_size: int) -> None:
    """Sample 19 is process 1's, and not a number."""

    def batches(start: int) -> Iterator[Batch]:
        for batch in miniature.stream(4, rank, world_size)(start):
            for sample in batch:
                if sample["file_name"] == "19.png":
                    sample["x"][0] = torch.nan
            yield batch

    trainer = miniature.trainer(miniature.config(directory), model=model(), loader=batches)
    try:
        trainer.train()
    except FloatingPointError as error:
        message = str(error)
    assert message.startswith("iteration 4: not finite: total_loss nan"), message
    assert "on the images 18.png, 19.png. Checkpoints" in message, message


def interrupt(directory: Path, rank: int, world_size: int) -> None:
    """Only process 1 gets the signal."""

    def batches(start: int) -> Iterator[Batch]:
        for number, batch in enumerate(miniature.stream(4, rank, world_size)(start)):
            if number == 4 and rank == 1:
                os.kill(os.getpid(), signal.SIGINT)
            yield batch

    trainer = miniature.trainer(miniature.config(directory), model=model(), loader=batches)
    try:
        trainer.train()
    except KeyboardInterrupt:
        dist.barrier()
    assert (directory / "last_checkpoint").read_text() == "model_0000004.pth"


def normalise(directory: Path, rank: int, world_size: int) -> None:
    """Each process has its own running statistics; all must evaluate the model that is saved."""
    trained = miniature.Miniature()
    statistics = []

    def evaluate() -> dict[str, dict[str, float]]:
        statistics.append(trained.layers[1].running_mean.clone())
        return {}

    batches = miniature.stream(4, rank, world_size)
    cfg = miniature.config(directory)
    miniature.trainer(cfg, model=trained, loader=batches, evaluate=evaluate).train()
    everybody = [torch.empty_like(statistics[0]) for _ in range(world_size)]
    assert len(statistics) >= 2
    for own in statistics:
        dist.all_gather(everybody, own)
        assert everybody[0].equal(everybody[1]), "processes evaluate different statistics"
    if rank == 0:
        saved = load_file(directory / FINAL)["layers.1.running_mean"]
        assert saved.equal(statistics[-1]), "what is saved is not what was evaluated"


def on_two(work: Callable[..., None], directory: Path, *args: object) -> None:
    """Work in two forks."""
    meeting = ROOT / f"meeting_{next(numbers)}"
    forks.in_two(lambda rank: work(directory, rank, 2, *args), meeting)


def main() -> None:
    on_two(run, ROOT / "whole")
    on_two(run, ROOT / "parts", 0.3, 6)
    on_two(run, ROOT / "parts")
    whole, parts = ((ROOT / name / FINAL).read_bytes() for name in ("whole", "parts"))
    assert whole == parts, "a resumed run of two processes differs from an uninterrupted one"
    first, second = (torch.load(ROOT / "whole" / f"rank{rank}.pth") for rank in range(2))
    assert all(first[key].equal(second[key]) for key in first), "the processes' weights differ"

    on_two(run, ROOT / "two", 0.0)
    torch.set_num_threads(1)
    # In a fork, too: backward must not have run in a process that forks.
    if not os.fork():
        run(ROOT / "one", 0, 1, 0.0)
        os._exit(0)
    assert os.wait()[1] == 0
    torch.testing.assert_close(load_file(ROOT / "two" / FINAL), load_file(ROOT / "one" / FINAL))

    on_two(explode, ROOT / "exploded")
    on_two(interrupt, ROOT / "interrupted")
    on_two(normalise, ROOT / "normalised")


if __name__ == "__main__":
    main()
