from __future__ import annotations

import logging
from pathlib import Path

import miniature
import pytest
import torch
from torch import nn

from zs3.engine.weights import (
    Fit,
    describe,
    export_weights,
    load_state,
    load_weights,
    own_state,
)


def filled(value: float) -> miniature.Miniature:
    model = miniature.Miniature()
    for tensor in model.state_dict().values():
        tensor.fill_(value)
    return model


def test_modules_with_a_source_are_neither_written_nor_expected() -> None:
    model, other = filled(1.0), filled(2.0)

    state = own_state(model)
    fit = load_state(other, {**state, "encoder.weight": torch.zeros(9)})

    assert not [key for key in state if key.startswith("encoder")]
    assert not fit.problems and fit.elsewhere == ("encoder.weight",)
    assert fit.matched.keys() == state.keys()
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
        fit = load_state(model, state, allow_partial=True)

    assert model.layers[3].weight.unique().item() == 2.0
    assert model.layers[3].bias.unique().item() == 1.0
    assert "of another shape: layers.3.bias (4,), but the model has (3,)" in fit.problems
    assert fit.mismatched == {"layers.3.bias": ((4,), (3,))}
    assert fit.missing["layers.0.weight"] == (6, 4) and "layers.3.bias" not in fit.missing
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

    assert not load_weights(other, path).problems
    assert other.layers[0].weight.unique().item() == 1.0
    assert describe(path) == {"value": 0.5, "iteration": 7}


@pytest.mark.parametrize(
    ("key", "advice"),
    [
        (
            "naming.linear.weight",
            "Its classifier is for classes of its own: MODEL.NAMING.NAME Linear",
        ),
        ("backbone.stem.conv2.weight", "Its ResNet has a stem of three convolutions: MODEL"),
        ("stem.conv1.weight", "Weights of a backbone alone are named in MODEL.BACKBONE.WEIGHTS"),
        ("conv1_w", "Weights of a backbone alone are named in MODEL.BACKBONE.WEIGHTS"),
        ("other.weight", "Take the configuration it was trained with"),
    ],
)
def test_what_does_not_fit_comes_with_advice(key: str, advice: str) -> None:
    model = filled(1.0)
    with pytest.raises(ValueError, match=rf"unexpected: {key} .*\n{advice}"):
        load_state(model, {**own_state(model), key: torch.ones(1)})


def test_a_file_without_the_clip_that_is_needed_says_so() -> None:
    fit = Fit.of(nn.ModuleDict({"text": nn.ModuleDict({"encoder": nn.Linear(1, 1)})}), {})
    assert "MODEL.CLIP.PRETRAINED" in fit.advice
