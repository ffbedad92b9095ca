import pytest
import torch
from torch.nn import functional as F

from zs3.config import get_config
from zs3.criterion import PixelCrossEntropy, build_criterion
from zs3.regions import Regions
from zs3.vocabulary import IGNORE

B, K, h, w = 2, 4, 3, 5
H, W = 12, 10


@pytest.fixture
def case():
    """One grouping into pixels, its logits, and targets of which some are ignored."""
    torch.manual_seed(0)
    logits = torch.randn(B, h * w, K, requires_grad=True)
    targets = torch.randint(0, K, (B, H, W))
    targets[torch.rand(B, H, W) < 0.3] = IGNORE
    return Regions(torch.empty(B, h * w, 0), (h, w)), logits, targets


def test_it_is_the_cross_entropy_of_the_enlarged_maps(case):
    region, logits, targets = case
    maps = F.interpolate(region.paint(logits), (H, W), mode="bilinear")
    expected = F.cross_entropy(maps, targets, ignore_index=IGNORE)
    (got,) = PixelCrossEntropy()([region], [logits], targets).values()
    torch.testing.assert_close(got, expected)
    torch.testing.assert_close(
        torch.autograd.grad(got, logits), torch.autograd.grad(expected, logits)
    )


def test_a_coarser_comparison_is_that_of_every_pixel_with_its_cell(case):
    region, logits, targets = case
    cells = F.interpolate(region.paint(logits), (2, 2), mode="bilinear")
    maps = F.interpolate(cells, (H, W), mode="nearest")
    expected = F.cross_entropy(maps, targets, ignore_index=IGNORE)
    (got,) = PixelCrossEntropy(loss_size=2)([region], [logits], targets).values()
    torch.testing.assert_close(got, expected)


def test_by_hand():
    # One cell; p = 3/4 for class 0: two of the four labelled pixels cost ln 4/3, two ln 4.
    region = Regions(torch.empty(1, 1, 0), (1, 1))
    logits = torch.tensor([[[3.0, 1.0]]]).log()
    targets = torch.tensor([[[0, 0, 1], [1, IGNORE, IGNORE]]])
    (loss,) = PixelCrossEntropy(class_weight=2.0)([region], [logits], targets).values()
    expected = 2 * (2 * torch.tensor(4 / 3).log() + 2 * torch.tensor(4.0).log()) / 4
    torch.testing.assert_close(loss, expected)


@pytest.mark.parametrize("loss_size", [0, 2])
def test_nothing_labelled_costs_nothing(case, loss_size):
    region, logits, targets = case
    targets = torch.full_like(targets, IGNORE)
    (loss,) = PixelCrossEntropy(loss_size=loss_size)([region], [logits], targets).values()
    loss.backward()
    assert loss == 0
    assert logits.grad is not None and not logits.grad.any()


def test_names_of_several_groupings(case):
    region, logits, targets = case
    losses = PixelCrossEntropy()([region] * 3, [logits, 2 * logits, 3 * logits], targets)
    assert list(losses) == ["loss_ce_0", "loss_ce_1", "loss_ce"]
    (last,) = PixelCrossEntropy()([region], [3 * logits], targets).values()
    torch.testing.assert_close(losses["loss_ce"], last)


def test_regions_with_masks_are_painted():
    torch.manual_seed(0)
    region = Regions(torch.empty(B, 3, 0), (h, w), torch.randn(B, 3, h, w))
    logits, targets = torch.randn(B, 3, K), torch.randint(0, K, (B, h, w))
    expected = F.cross_entropy(region.paint(logits), targets)
    (got,) = PixelCrossEntropy()([region], [logits], targets).values()
    torch.testing.assert_close(got, expected)


def test_configuration():
    opts = ["MODEL.CRITERION.NAME", "PixelCrossEntropy", "MODEL.CRITERION.LOSS_SIZE", 24]
    subject = build_criterion(get_config(opts=[*opts, "MODEL.CRITERION.CLASS_WEIGHT", 3.0]))
    assert isinstance(subject, PixelCrossEntropy)
    assert (subject.class_weight, subject.loss_size) == (3.0, 24)


def test_an_unknown_criterion():
    cfg = get_config(opts=["MODEL.CRITERION.NAME", "SetCriterium"])
    with pytest.raises(ValueError, match=r"no criterion is called.*Did you mean 'SetCriterion'"):
        build_criterion(cfg)
