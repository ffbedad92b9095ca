import pytest
import torch

from zs3.config import get_config
from zs3.criterion import ShapeAware, build_criterion
from zs3.criterion.shape_aware import at_cells, one_by_one
from zs3.regions import Regions
from zs3.vocabulary import IGNORE


def regions() -> Regions:
    return Regions.of_pixels(torch.randn(2, 5, 3, 4, requires_grad=True))


def targets() -> torch.Tensor:
    labels = torch.randint(2, (2, 1, 12, 16))
    return torch.cat((labels, torch.randint(2, (2, 1, 12, 16))), 1)


def test_three_losses_of_which_all_but_attention_train_the_edges():
    torch.manual_seed(0)
    criterion, pixels = ShapeAware(dim=5), regions()
    logits = torch.randn(2, 12, 2, requires_grad=True)
    losses = criterion([pixels], [logits], targets())
    assert list(losses) == ["loss_ce", "loss_edge", "loss_attention"]
    (grad,) = torch.autograd.grad(losses["loss_ce"] + losses["loss_attention"], logits)
    assert grad.abs().sum() > 0
    losses["loss_edge"].backward()
    assert criterion.edge_head.weight.grad.abs().sum() > 0


def test_weights_multiply():
    criterion = ShapeAware(dim=5, class_weight=2.0, edge_weight=0.0)
    pixels, logits, given = regions(), torch.randn(2, 12, 2), targets()
    losses = criterion([pixels], [logits], given)
    small = at_cells(given, (3, 4))
    raw = criterion.losses(
        pixels.paint(logits), criterion.edge_logits(pixels), small[:, 0], small[:, 1] == 1
    )
    assert losses["loss_edge"] == 0
    torch.testing.assert_close(losses["loss_ce"], 2 * raw["loss_ce"])


def test_unlabelled_cells_count_nowhere():
    criterion, pixels, logits = ShapeAware(dim=5), regions(), torch.randn(2, 12, 2)
    given = targets()
    given[:, 0] = IGNORE
    losses = criterion([pixels], [logits], given)
    assert losses["loss_ce"] == 0 and losses["loss_attention"] == 0


def test_a_cell_has_the_label_of_its_top_left_pixel():
    maps = torch.arange(24).view(1, 1, 4, 6)
    assert at_cells(maps, (2, 3)).flatten().tolist() == [0, 2, 4, 12, 14, 16]


def test_labels_without_edges_are_refused():
    with pytest.raises(ValueError, match=r"set MODEL.LABEL_POLICY.NAME to OneAgainstOthersWithEdg"):
        ShapeAware(dim=5)([regions()], [torch.randn(2, 12, 2)], targets()[:, 0])


def test_inverse_form_needs_its_weights():
    cfg = get_config(
        opts=["MODEL.CRITERION.NAME", "ShapeAware", "MODEL.CRITERION.INVERSE_WEIGHT", "0.3"]
    )
    with pytest.raises(ValueError, match=r"name distance_measures_regressor.pth in MODEL.CRIT"):
        build_criterion(cfg)


def test_several_questions_are_answered_one_by_one():
    scores = torch.tensor([0.0, 1.0, 2.0]).view(1, 3, 1, 1).expand(1, 3, 1, 4)
    labels = torch.tensor([[[0, 1, 2, IGNORE]]])
    pairs, own = one_by_one(scores, labels)
    assert pairs[:, :, 0, 0].tolist() == [[0, 1], [0, 2]]  # each class against others alone
    assert own[:, 0].tolist() == [[0, 1, 0, IGNORE], [0, 0, 1, IGNORE]]


def test_a_question_asked_twice_changes_no_loss():
    torch.manual_seed(0)
    criterion, pixels, given = ShapeAware(dim=5), regions(), targets()
    given[:, 0] = 0
    logits = torch.randn(2, 12, 2)
    once = criterion([pixels], [logits], given)
    twice = criterion([pixels], [logits[..., [0, 1, 1]]], given)
    assert once["loss_attention"] > 0
    for name, loss in once.items():
        torch.testing.assert_close(twice[name], loss)
