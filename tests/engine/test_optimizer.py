from __future__ import annotations

from pathlib import Path

import miniature
import pytest
import torch
from torch import nn
from torch.optim import SGD, AdamW

from zs3.engine.optimizer import OptimizerState, build_optimizer, freeze, parameter_groups


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.backbone = nn.Sequential(nn.Conv2d(3, 4, 3), nn.GroupNorm(2, 4))
        self.backbone.register_parameter("absolute_pos_embed", nn.Parameter(torch.zeros(4)))
        self.query_embed = nn.Embedding(5, 4)
        self.level = nn.Parameter(torch.zeros(2))
        self.head = nn.Linear(4, 2)
        self.tied = self.head
        self.frozen = nn.Linear(2, 2).requires_grad_(False)


def options(model: nn.Module, **given: object) -> dict[str, tuple[float, float]]:
    defaults = {
        "lr": 1.0,
        "weight_decay": 0.5,
        "weight_decay_norm": 0.0,
        "weight_decay_embed": 0.25,
    }
    groups = parameter_groups(model, **{**defaults, **given})
    return {name: (g["lr"], g["weight_decay"]) for g in groups for name, _ in g["params"]}


def test_rates_and_decays_by_rule() -> None:
    got = options(Model(), lr_multipliers=[("backbone.0", 0.1), ("backbone", 0.2), ("bias", 3.0)])

    assert got == {
        "level": (1.0, 0.5),
        "backbone.absolute_pos_embed": (0.2, 0.0),
        "backbone.0.weight": (0.1, 0.5),
        "backbone.0.bias": (0.1, 0.5),
        "backbone.1.weight": (0.2, 0.0),
        "backbone.1.bias": (0.2, 0.0),
        "query_embed.weight": (1.0, 0.25),
        "head.weight": (1.0, 0.5),
        "head.bias": (3.0, 0.5),
    }


@pytest.mark.parametrize(
    "norm",
    [nn.BatchNorm2d(3), nn.SyncBatchNorm(3), nn.LayerNorm(3), nn.GroupNorm(1, 3), nn.RMSNorm(3)],
)
def test_all_kinds_of_norm_layers_have_their_own_decay(norm: nn.Module) -> None:
    assert set(options(norm).values()) == {(1.0, 0.0)}


def test_parameters_of_equal_options_share_a_group() -> None:
    groups = parameter_groups(
        Model(), lr=1.0, weight_decay=0.5, weight_decay_norm=0.0, weight_decay_embed=0.0
    )

    assert [len(group["params"]) for group in groups] == [5, 4]


def test_frozen_parameters_are_left_as_they_are() -> None:
    model = Model()

    names = freeze(model, ["backbone.1", "head", "backbone.1.weight"])

    assert names == ["backbone.1.weight", "backbone.1.bias", "head.weight", "head.bias"]
    assert set(options(model)) == {
        "level",
        "backbone.absolute_pos_embed",
        "backbone.0.weight",
        "backbone.0.bias",
        "query_embed.weight",
    }


def test_patterns_that_freeze_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match=r"'embed' matches no parameter; .*\['backbone', 'frozen'"):
        freeze(Model(), ["query_embed", "embed"])
    with pytest.raises(ValueError, match="no parameter is trained"):
        options(nn.Linear(2, 2).requires_grad_(False))


def test_optimizers_of_a_configuration(tmp_path: Path) -> None:
    adam = build_optimizer(miniature.config(tmp_path, "SOLVER.WEIGHT_DECAY", 0.5), Model())
    cfg = miniature.config(tmp_path, "SOLVER.OPTIMIZER", "SGD", "SOLVER.MOMENTUM", 0.8)
    sgd = build_optimizer(cfg, Model())

    assert isinstance(adam, AdamW) and isinstance(sgd, SGD)
    assert {(g["lr"], g["weight_decay"]) for g in adam.param_groups} == {
        (0.01, 0.5),
        (0.001, 0.0),
        (0.001, 0.5),
        (0.01, 0.0),
    }
    assert {group["momentum"] for group in sgd.param_groups} == {0.8}
    with pytest.raises(ValueError, match="OPTIMIZER is 'Adam'; expected"):
        build_optimizer(miniature.config(tmp_path, "SOLVER.OPTIMIZER", "Adam"), Model())


def test_a_resumed_optimizer_keeps_its_memory_and_takes_new_options() -> None:
    weight = nn.Parameter(torch.tensor([1.0]))
    weight.grad = torch.tensor([2.0])
    old = SGD([weight], lr=1.0, momentum=0.9, weight_decay=0.0)
    old.step()

    new = SGD([weight], lr=0.5, momentum=0.5, weight_decay=0.125)
    OptimizerState(new).load_state_dict(OptimizerState(old).state_dict())

    assert new.state[weight]["momentum_buffer"].item() == 2.0
    group = new.param_groups[0]
    assert (group["lr"], group["momentum"], group["weight_decay"]) == (0.5, 0.5, 0.125)
