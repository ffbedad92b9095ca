from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import miniature
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from zs3.engine.steps import Batch
from zs3.engine.weights import describe


class Stopped(Exception):
    """Ends a run in the middle."""


def stopping(after: int, batch_size: int = 4):
    """A loader that fails when it is asked for one more batch."""

    def batches(start: int) -> Iterator[Batch]:
        yield from (
            b for _, b in zip(range(after), miniature.stream(batch_size)(start), strict=False)
        )
        raise Stopped

    return batches


def leftovers(directory: Path) -> dict[str, bytes]:
    names = ["model_final.safetensors", "model_0000011.pth", "model_0000008.pth"]
    return {name: (directory / name).read_bytes() for name in names}


def metrics(directory: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (directory / "metrics.json").read_text().splitlines()]


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("SOLVER.EMA_DECAY", 0.9, "SOLVER.ACCUMULATE", 2, "SOLVER.AMP.ENABLED", True),
        ("SOLVER.OPTIMIZER", "SGD", "SOLVER.LR_SCHEDULER_NAME", "WarmupCosineLR"),
    ],
)
@pytest.mark.parametrize("stop", [1, 3, 5, 11])
def test_a_resumed_run_leaves_the_bytes_of_an_uninterrupted_one(
    tmp_path: Path, options: tuple, stop: int
) -> None:
    whole, parts = (miniature.config(tmp_path / name, *options) for name in ("whole", "parts"))
    miniature.trainer(whole).train()

    batches = stop * parts.SOLVER.ACCUMULATE
    with pytest.raises(Stopped):
        miniature.trainer(parts, loader=stopping(batches)).train()
    torch.rand(3)
    second = miniature.trainer(parts)
    assert second.resume() == (stop >= 3)
    second.train()

    assert leftovers(tmp_path / "parts") == leftovers(tmp_path / "whole")
    whole_lines, part_lines = metrics(tmp_path / "whole"), metrics(tmp_path / "parts")
    assert [line["iteration"] for line in part_lines] == [line["iteration"] for line in whole_lines]


def test_a_finished_run_has_nothing_left_to_do_but_its_export(tmp_path: Path) -> None:
    cfg = miniature.config(tmp_path)
    miniature.trainer(cfg).train()
    expected = leftovers(tmp_path)
    (tmp_path / "model_final.safetensors").unlink()

    trainer = miniature.trainer(cfg)
    trainer.resume()
    trainer.train()

    assert leftovers(tmp_path) == expected


def test_a_run_can_be_made_longer(tmp_path: Path) -> None:
    miniature.trainer(miniature.config(tmp_path)).train()

    trainer = miniature.trainer(miniature.config(tmp_path, "SOLVER.MAX_ITER", 14))
    assert trainer.resume()
    trainer.train()

    assert (tmp_path / "last_checkpoint").read_text() == "model_0000013.pth"
    assert trainer.samples == 14 * 4


def test_a_frozen_part_stays_and_the_rest_moves(tmp_path: Path) -> None:
    model = miniature.Miniature()
    before = {name: value.clone() for name, value in model.state_dict().items()}

    miniature.trainer(
        miniature.config(tmp_path, "MODEL.FREEZE", "['layers.0']"), model=model
    ).train()

    changed = {name for name, value in model.state_dict().items() if not value.equal(before[name])}
    assert {"layers.1.weight", "layers.3.weight", "layers.3.bias"} <= changed
    assert not {name for name in changed if name.startswith(("layers.0", "encoder"))}


class Exploding(nn.Module):
    """Its loss is not a number for one sample."""

    def __init__(self, position: int, gradient_only: bool = False) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.ones(()))
        self.name = f"{position}.png"
        self.gradient_only = gradient_only

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        bad = any(sample["file_name"] == self.name for sample in batch)
        # At 0 the root is 0, and its slope is infinite.
        root = (self.w - self.w).abs().sqrt() if self.gradient_only and bad else self.w
        return {
            "loss_fine": self.w * 0.5,
            "loss_bad": root * (1 if self.gradient_only or not bad else torch.nan),
        }


@pytest.mark.parametrize("gradient_only", [False, True])
def test_a_loss_that_is_not_finite_stops_the_run(tmp_path: Path, gradient_only: bool) -> None:
    trainer = miniature.trainer(
        miniature.config(tmp_path, "SOLVER.CHECKPOINT_PERIOD", 1),
        model=Exploding(18, gradient_only),
    )

    with pytest.raises(FloatingPointError) as error:
        trainer.train()

    message = str(error.value)
    assert message.startswith("iteration 4: not finite: total_loss ")
    assert "on the images 16.png, 17.png, 18.png, 19.png. Checkpoints in" in message
    assert ("grad_norm nan" if gradient_only else "loss_bad nan") in message
    assert (tmp_path / "last_checkpoint").read_text() == "model_0000003.pth"
    assert not (tmp_path / "model_final.safetensors").exists()


def test_values_of_a_gpu_are_read_late_but_before_a_checkpoint(tmp_path: Path) -> None:
    def run(directory: Path, *options: object) -> str:
        cfg = miniature.config(directory, *options)
        trainer = miniature.trainer(cfg, model=Exploding(18))
        trainer.step.device = torch.device("cuda")
        with pytest.raises(FloatingPointError, match="iteration 4: not finite"):
            trainer.train()
        return (directory / "last_checkpoint").read_text()

    # Iteration 4 is the bad one. It is saved neither after itself nor after the next.
    assert run(tmp_path / "late", "SOLVER.CHECKPOINT_PERIOD", 4) == "model_0000003.pth"
    assert run(tmp_path / "now", "SOLVER.CHECKPOINT_PERIOD", 1) == "model_0000003.pth"


def test_ctrl_c_finishes_the_iteration_and_saves(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def interrupted(start: int) -> Iterator[Batch]:
        for number, batch in enumerate(miniature.stream()(start)):
            if number == 4:
                os.kill(os.getpid(), signal.SIGINT)
            yield batch

    cfg = miniature.config(tmp_path / "parts")
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        miniature.trainer(cfg, loader=interrupted).train()

    assert signal.getsignal(signal.SIGINT) is before
    assert (tmp_path / "parts" / "last_checkpoint").read_text() == "model_0000004.pth"
    assert "continue with --resume" in caplog.text
    second = miniature.trainer(cfg)
    second.resume()
    second.train()
    miniature.trainer(miniature.config(tmp_path / "whole")).train()
    assert leftovers(tmp_path / "parts") == leftovers(tmp_path / "whole")


def test_a_second_ctrl_c_stops_at_once(tmp_path: Path) -> None:
    def impatient(start: int) -> Iterator[Batch]:
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)
        yield from miniature.stream()(start)

    trainer = miniature.trainer(miniature.config(tmp_path), loader=impatient)
    with pytest.raises(KeyboardInterrupt):
        trainer.train()

    assert not list(tmp_path.glob("*.pth"))


def test_the_best_weights_are_kept(tmp_path: Path) -> None:
    scores = iter([0.5, float("nan"), 0.75, 0.25])
    cfg = miniature.config(tmp_path, "TEST.EVAL_PERIOD", 3)

    miniature.trainer(
        cfg, evaluate=lambda: {"sem_seg": {"hIoU": next(scores), "note": "x"}}
    ).train()

    best = describe(tmp_path / "model_best.safetensors")
    assert best == {"metric": "sem_seg/hIoU", "value": 0.75, "iteration": 8}
    lines = [line for line in metrics(tmp_path) if "sem_seg/hIoU" in line]
    assert [line["iteration"] for line in lines] == [2, 5, 8, 11]


def test_the_best_is_remembered_over_a_resume(tmp_path: Path) -> None:
    cfg = miniature.config(tmp_path, "TEST.EVAL_PERIOD", 3)
    with pytest.raises(Stopped):
        miniature.trainer(cfg, loader=stopping(5), evaluate=lambda: {"hIoU": 0.5}).train()

    trainer = miniature.trainer(cfg, evaluate=lambda: {"hIoU": 0.25})
    trainer.resume()
    trainer.train()

    assert describe(tmp_path / "model_best.safetensors")["iteration"] == 2


def test_evaluation_leaves_no_trace_in_training(tmp_path: Path) -> None:
    miniature.trainer(miniature.config(tmp_path / "without")).train()

    def evaluate() -> dict[str, float]:
        return {"hIoU": torch.rand(()).item()}

    miniature.trainer(miniature.config(tmp_path / "with"), evaluate=evaluate).train()

    final = "model_final.safetensors"
    assert (tmp_path / "with" / final).read_bytes() == (tmp_path / "without" / final).read_bytes()


def test_evaluations_see_and_exports_hold_the_average(tmp_path: Path) -> None:
    model = miniature.Miniature()
    seen = []
    cfg = miniature.config(tmp_path, "SOLVER.EMA_DECAY", 0.5)

    def evaluate() -> dict[str, float]:
        seen.append(model.layers[3].weight.detach().clone())
        return {"hIoU": float(len(seen))}

    miniature.trainer(cfg, model=model, evaluate=evaluate).train()

    exported = load_file(tmp_path / "model_final.safetensors")["layers.3.weight"]
    torch.testing.assert_close(exported, seen[-1], rtol=0, atol=0)
    assert not torch.equal(exported, model.layers[3].weight)


def test_an_evaluator_that_fails_loses_no_training(tmp_path: Path) -> None:
    def evaluate() -> dict[str, float]:
        raise RuntimeError("no disk for pictures")

    with pytest.raises(RuntimeError, match="no disk"):
        miniature.trainer(miniature.config(tmp_path), evaluate=evaluate).train()

    assert (tmp_path / "last_checkpoint").read_text() == "model_0000004.pth"


def test_a_best_metric_nobody_gives_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cfg = miniature.config(tmp_path, "TEST.BEST_METRIC", "hiou")

    miniature.trainer(cfg, evaluate=lambda: {"hIoU": 1.0, "mIoU": 2.0}).train()

    assert "TEST.BEST_METRIC is 'hiou', but the evaluation gave hIoU, mIoU" in caplog.text
    assert not (tmp_path / "model_best.safetensors").exists()


def test_a_resume_with_other_numbers_of_processes_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cfg = miniature.config(tmp_path)
    miniature.trainer(cfg).train()
    path = tmp_path / "model_0000011.pth"
    content = torch.load(path)
    torch.save({**content, "random": content["random"] * 2}, path)

    assert miniature.trainer(cfg).resume()

    assert "started with 2 processes and is resumed with 1" in caplog.text
