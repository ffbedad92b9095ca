import pytest
import torch

from zs3.criterion import InverseForm

SMALL = {"tile": 3, "tiles": (2, 3), "hidden": (5, 4)}


def test_the_published_term_tells_the_network_nothing():
    logits = torch.randn(2, 4, 4, requires_grad=True)
    edges = torch.rand(2, 4, 4) > 0.5
    loss = InverseForm(**SMALL)(logits, edges)
    assert loss > 0 and not loss.requires_grad


def test_shown_the_probability_it_has_a_gradient_and_trains_no_weight_of_its_own():
    inverse_form = InverseForm(**SMALL, shows="probability")
    logits = torch.randn(2, 4, 4, requires_grad=True)
    inverse_form(logits, torch.rand(2, 4, 4) > 0.5).backward()
    assert logits.grad.abs().sum() > 0
    assert not any(parameter.requires_grad for parameter in inverse_form.parameters())


def test_tiles_are_cut_row_by_row():
    tiles = InverseForm(**SMALL).cut(torch.arange(54.0).view(1, 6, 9))
    assert tiles.shape == (6, 3, 3)
    assert tiles[1].tolist() == [[3, 4, 5], [12, 13, 14], [21, 22, 23]]
    assert tiles[3, 0, 0] == 27


def test_published_weights_have_a_prefix(tmp_path, monkeypatch):
    monkeypatch.setattr(InverseForm.__init__, "__kwdefaults__", {**SMALL, "shows": "constant"})
    source = InverseForm()
    state = {f"module_list.{k}": v for k, v in source.regressor.state_dict().items()}
    torch.save(state, tmp_path / "regressor.pth")
    loaded = InverseForm.of_file(tmp_path / "regressor.pth", "constant")
    assert torch.equal(loaded.regressor.fc[0].weight, source.regressor.fc[0].weight)
    torch.save({"fc.0.weight": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(ValueError, match=r"other.pth does not hold InverseForm's regressor"):
        InverseForm.of_file(tmp_path / "other.pth", "constant")


def test_it_is_shown_one_of_two_things():
    with pytest.raises(ValueError, match="shown constant or probability of the edges, not 'log'"):
        InverseForm(**SMALL, shows="log")
