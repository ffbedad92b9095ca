"""Reading of golden cases, and comparison by the rule each case states."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

CURATED = Path(__file__).parent / "data"


@dataclass(frozen=True)
class Case:
    """One reference computation: `meta` is its JSON; keys carry no "state/", "in/" or "out/"."""

    path: Path
    meta: dict[str, Any]
    state: dict[str, Tensor]
    inputs: dict[str, Tensor]
    outputs: dict[str, Tensor]

    @property
    def prefixed_state(self) -> dict[str, Tensor]:
        """The state under the names it has in a whole model's checkpoint."""
        prefix = self.meta.get("prefix", "")
        return {prefix + key: value for key, value in self.state.items()}


def case_paths(method: str) -> list[Path]:
    """
    The JSON files of a method in $ZS3_GOLDEN, or in the curated subset that the repository carries.
    """
    root = Path(os.environ.get("ZS3_GOLDEN", CURATED))
    return sorted((root / method).glob("*.json"))


def load_case(path: Path) -> Case:
    meta = json.loads(path.read_text())
    tensors = _tensors(path)
    state_file = path.with_name(f"{meta['state_from']}.json") if "state_from" in meta else path
    inputs = _part(tensors, "in/")
    if "inputs_from" in meta:
        inputs = {**_part(_tensors(path.with_name(f"{meta['inputs_from']}.json")), "in/"), **inputs}
    return Case(path, meta, _state(state_file), inputs, _part(tensors, "out/"))


def check(case: Case, got: dict[str, Tensor]) -> None:
    """
    Compares every named output; names the case lacks, and outputs nobody computed, are errors.
    """
    assert set(got) <= set(case.outputs), f"no such outputs: {sorted(set(got) - set(case.outputs))}"
    for name, value in got.items():
        _compare(name, value, case.outputs[name], _rule(case.meta["check"], name))


def check_all(case: Case, got: dict[str, Tensor]) -> None:
    """As `check`, and nothing the case holds may be left out."""
    assert set(got) == set(case.outputs), f"not computed: {sorted(set(case.outputs) - set(got))}"
    check(case, got)


def _compare(name: str, got: Tensor, expected: Tensor, rule: dict[str, Any]) -> None:
    assert got.shape == expected.shape, (
        f"{name}: shape {tuple(got.shape)}, expected {tuple(expected.shape)}"
    )
    if not expected.is_floating_point() and rule.get("integers", "exact") == "exact":
        assert torch.equal(got.to(expected.dtype), expected), f"{name}: integers differ"
        return
    got, expected = got.detach().double(), expected.double()
    assert torch.equal(got.isnan(), expected.isnan()), f"{name}: NaN at other places"
    got, expected = got.nan_to_num(), expected.nan_to_num()
    if rule["rule"] == "exact":
        bound = torch.zeros_like(expected)
    elif rule["rule"] == "allclose":
        bound = rule["atol"] + rule["rtol"] * expected.abs()
    elif rule["rule"] == "max_rel":
        bound = torch.full_like(expected, rule["tolerance"] * max(1.0, _peak(expected)))
    elif rule["rule"] == "sign_free":
        for row, want in zip(got.flatten(0, -2), expected.flatten(0, -2), strict=True):
            error = min((row - want).abs().max(), (row + want).abs().max())
            assert error <= rule["tolerance"] * _peak(want), (
                f"{name}: off by {error:.3g} up to sign"
            )
        return
    else:
        raise AssertionError(f"{name}: unknown rule {rule['rule']!r}")
    exceeding = ((got - expected).abs() > bound).double()
    share = exceeding.mean().item() if exceeding.numel() else 0.0
    worst = _peak(got - expected)
    assert share <= rule.get("outlier_fraction", 0.0), (
        f"{name}: off by up to {worst:.3g}, {share:.2%} beyond the bound"
    )


def _rule(check_: dict[str, Any], name: str) -> dict[str, Any]:
    """The case's rule, overruled for outputs whose name starts as `outputs` says."""
    own = [rule for start, rule in check_.get("outputs", {}).items() if name.startswith(start)]
    return {**check_, **own[0]} if own else check_


def _peak(tensor: Tensor) -> float:
    return tensor.abs().max().item() if tensor.numel() else 0.0


def _tensors(path: Path) -> dict[str, Tensor]:
    file = path.with_suffix(".safetensors")
    return load_file(file) if file.exists() else {}


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {
        key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)
    }


def _state(path: Path) -> dict[str, Tensor]:
    meta, tensors = json.loads(path.read_text()), _tensors(path)
    if "state_from" in meta:
        return _state(path.with_name(f"{meta['state_from']}.json"))
    state = _part(tensors, "state/")
    for key, rows in _part(tensors, "state_sparse_rows/").items():
        values = tensors[f"state_sparse_values/{key}"]
        state[key] = values.new_zeros(49408, values.shape[1])
        state[key][rows.long()] = values
    return state
