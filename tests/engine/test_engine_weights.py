from __future__ import annotations

import logging
from pathlib import Path

import miniature
import pytest
import torch
from torch import nn

from zs3.engine.weights import (
    describe,
    export_weights,
    load_state,
    load_weights,
    own_state,
    weight_file,
)


def filled(value: float) -> miniature.Miniature:
    model = miniature.Miniature()
    for tensor in model.state_dict().values():
        tensor.fill_(value)
    return model


def test_modules_with_a_source_are_neither_written_nor_expected() -> None:
    model, other = filled(1.0), filled(2.0)

    state = own_state(model)
    problems = load_state(other, {**state, "encoder.weight": torch.zeros(9)})

    assert not [key for key in state if key.startswith("encoder")]
    assert problems == []
    assert other.layers[0].weight.unique().item() == 1.0
    assert other.encoder.weight.unique().item() == 2.0


def test_every_misfit_is_reported_and_refused() -> None:
    model = filled(1.0)
    state = own_state(filled(2.0))
    del state["layers.3.bias"]
    state["layers.0.weight"] = torch.zeros(5, 4)
    state["head.weight"] = torch.zeros(7)

    with pytest.raises(ValueError) as error:
        load_state(model, state, source="R-50.pkl")

    assert str(error.value).splitlines()[:4] == [
        "R-50.pkl does not fit the model:",
        "  missing: layers.3.bias (3,)",
        "  unexpected: head.weight (7,)",
        "  of another shape: layers.0.weight (5, 4), but the model has (6, 4)",
    ]
    assert model.layers[3].weight.unique().item() == 1.0


def test_what_fits_is_loaded_where_that_is_allowed(caplog: pytest.LogCaptureFixture) -> None:
    model = filled(1.0)
    state = {"layers.3.weight": torch.full((3, 6), 2.0), "layers.3.bias": torch.zeros(4)}

    with caplog.at_level(logging.WARNING):
        problems = load_state(model, state, allow_partial=True)

    assert model.layers[3].weight.unique().item() == 2.0
    assert model.layers[3].bias.unique().item() == 1.0
    assert "of another shape: layers.3.bias (4,), but the model has (3,)" in problems
    assert "the state fits in part only" in caplog.text


def test_nothing_that_fits_is_refused_even_then() -> None:
    with pytest.raises(ValueError, match="has no weight that fits the model:\n  missing: layers"):
        load_state(filled(1.0), {"conv.weight": torch.zeros(1)}, allow_partial=True)


def test_exported_weights_come_back_with_their_description(tmp_path: Path) -> None:
    model, other = filled(1.0), filled(2.0)
    model.tied = model.layers
    other.tied = other.layers
    path = tmp_path / "model_final.safetensors"

    export_weights(model, path, {"value": 0.5, "iteration": 7})

    assert load_weights(other, path) == []
    assert other.layers[0].weight.unique().item() == 1.0
    assert describe(path) == {"value": 0.5, "iteration": 7}


def test_a_directory_means_its_final_weights_or_its_last_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="holds neither"):
        weight_file(tmp_path)
    (tmp_path / "last_checkpoint").write_text("model_0000009.pth")
    assert weight_file(tmp_path).name == "model_0000009.pth"
    (tmp_path / "model_final.safetensors").touch()
    assert weight_file(tmp_path).name == "model_final.safetensors"


def test_a_checkpoint_gives_its_average_if_it_has_one(tmp_path: Path) -> None:
    model = filled(1.0)
    ema = {"layers.0.weight": torch.full((6, 4), 3.0)}
    torch.save({"model": own_state(filled(2.0)), "ema": ema}, tmp_path / "w.pth")

    load_weights(model, tmp_path / "w.pth")

    assert model.layers[0].weight.unique().item() == 3.0
    assert model.layers[3].weight.unique().item() == 2.0


def test_keys_are_converted_first(tmp_path: Path) -> None:
    torch.save({f"old.{k}": v for k, v in nn.Linear(2, 3).state_dict().items()}, tmp_path / "w.pth")

    problems = load_weights(
        nn.Linear(2, 3),
        tmp_path / "w.pth",
        convert=lambda state: {key.removeprefix("old."): value for key, value in state.items()},
    )

    assert problems == []
