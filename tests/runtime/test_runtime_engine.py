"""The loop of hooks, and the command line of a training script."""

from __future__ import annotations

import importlib

import pytest


@pytest.fixture
def recording(runtime):
    """A trainer whose steps and hooks write down, in one list, when they are called."""
    calls = []

    class Hook(runtime.engine.HookBase):
        def __init__(self, name):
            self.name = name

        def before_train(self):
            calls.append(f"{self.name}.before_train")

        def before_step(self):
            calls.append(f"{self.name}.before_step {self.trainer.iter}")

        def after_backward(self):
            calls.append(f"{self.name}.after_backward")

        def after_step(self):
            calls.append(f"{self.name}.after_step {self.trainer.storage.iter}")

        def after_train(self):
            calls.append(f"{self.name}.after_train {self.trainer.iter} {self.trainer.storage.iter}")

    class Trainer(runtime.engine.TrainerBase):
        fails_at = None

        def run_step(self):
            calls.append("step")
            if self.iter == self.fails_at:
                raise FloatingPointError("loss is nan")
            self.after_backward()

    trainer = Trainer()
    trainer.register_hooks([Hook("a"), None, Hook("b")])
    return trainer, calls


def test_hooks_are_called_around_every_step_in_order_of_registration(recording):
    trainer, calls = recording
    trainer.train(3, 5)
    assert calls == [
        *("a.before_train", "b.before_train"),
        *("a.before_step 3", "b.before_step 3", "step", "a.after_backward", "b.after_backward"),
        *("a.after_step 3", "b.after_step 3"),
        *("a.before_step 4", "b.before_step 4", "step", "a.after_backward", "b.after_backward"),
        *("a.after_step 4", "b.after_step 4"),
        *("a.after_train 5 5", "b.after_train 5 5"),
    ]
    assert (trainer.start_iter, trainer.max_iter) == (3, 5)


def test_after_train_is_called_even_if_a_step_fails(recording):
    trainer, calls = recording
    trainer.fails_at = 1
    with pytest.raises(FloatingPointError, match="loss is nan"):
        trainer.train(0, 9)
    assert calls[-3:] == ["step", "a.after_train 1 1", "b.after_train 1 1"]


def test_scalars_belong_to_the_iteration_they_are_put_in(runtime):
    class Trainer(runtime.engine.TrainerBase):
        def run_step(self):
            self.storage.put_scalar("twice", 2 * self.iter)
            assert runtime.events.get_event_storage() is self.storage

    trainer = Trainer()
    trainer.train(5, 8)
    assert trainer.storage.history("twice").values() == [(10, 5), (12, 6), (14, 7)]


def test_a_trainer_without_a_step_cannot_train(runtime):
    with pytest.raises(NotImplementedError):
        runtime.engine.TrainerBase().train(0, 1)


def test_the_arguments_of_a_training_script(runtime):
    parser = runtime.engine.default_argument_parser("see the README")
    assert parser.epilog == "see the README"
    assert vars(parser.parse_args([])) == {
        "config_file": "",
        "resume": False,
        "eval_only": False,
        "num_gpus": 1,
        "num_machines": 1,
        "machine_rank": 0,
        "dist_url": "auto",
        "opts": [],
    }
    words = (
        "--config-file a.yaml --resume --eval-only --num-gpus 2 --num-machines 3 --machine-rank 1"
    )
    args = parser.parse_args([*words.split(), "--dist-url", "tcp://h:1", "SEED", "3"])
    assert vars(args) == {
        "config_file": "a.yaml",
        "resume": True,
        "eval_only": True,
        "num_gpus": 2,
        "num_machines": 3,
        "machine_rank": 1,
        "dist_url": "tcp://h:1",
        "opts": ["SEED", "3"],
    }


def test_the_arguments_are_detectron2s(runtime):
    if runtime.name == "embedded":
        pytest.skip("compares zs3's arguments with those of Detectron2")
    theirs = importlib.import_module("detectron2.engine").default_argument_parser()
    own = vars(runtime.engine.default_argument_parser().parse_args([]))
    assert {**vars(theirs.parse_args([])), "dist_url": "auto"} == own
