import pytest
import torch
from torch.nn import functional as F

from zs3.config import get_config
from zs3.criterion import ClassMasks, build_criterion
from zs3.criterion.mask import dice_loss, focal_terms, mask_loss
from zs3.regions import Regions
from zs3.vocabulary import IGNORE

B, K, h, w = 2, 4, 3, 5
H, W = 12, 10


def losses(criterion, logits, targets, grid=(h, w)):
    return criterion([Regions(logits, grid)], [logits], targets)


@pytest.fixture
def case():
    torch.manual_seed(0)
    logits = torch.randn(B, h * w, K, requires_grad=True)
    targets = torch.randint(0, K - 1, (B, H, W))
    targets[torch.rand(B, H, W) < 0.3] = IGNORE
    return logits, targets


def test_by_hand():
    # One cell, two classes, p = 1/2 and 1/5; two pixels, one of class 0 and one ignored.
    logits = torch.tensor([[[0.0, 0.25]]])
    logits[0, 0, 1] = logits[0, 0, 1].log()
    got = losses(
        ClassMasks(mask_weight=2, dice_weight=3), logits, torch.tensor([[[0, IGNORE]]]), (1, 1)
    )
    log = lambda x: torch.tensor(x).log().item()  # noqa: E731
    inside, outside = -0.25 * 0.5**2 * log(0.5), -0.75 * 0.5**2 * log(0.5)
    other = -0.75 * 0.2**2 * log(0.8)
    assert got["loss_mask"].item() == pytest.approx(2 * ((inside + outside) / 2 + other))
    assert got["loss_dice"].item() == pytest.approx(3 * (1 - (2 * 0.5 + 1) / (1 + 1 + 1)))


def test_focal_of_all_classes_and_dice_of_those_shown(case):
    logits, targets = case
    got = losses(ClassMasks(), logits, targets)
    maps = F.interpolate(logits.mT.unflatten(2, (h, w)), (H, W), mode="bilinear").flatten(2)
    focal, dice, shown = 0, 0, 0
    for image in range(B):
        for k in range(K):
            mask = (targets[image] == k).float().reshape(1, -1)
            focal += mask_loss(focal_terms(maps[image, k : k + 1]), mask)
            if mask.any():
                dice, shown = dice + dice_loss(maps[image, k : k + 1], mask), shown + 1
    torch.testing.assert_close(got["loss_mask"], 100 * focal[0] / shown)
    torch.testing.assert_close(got["loss_dice"], dice[0] / shown)


def test_an_ignored_pixel_is_outside_of_every_class(case):
    logits, targets = case
    hidden = torch.full_like(targets, IGNORE)
    low = losses(ClassMasks(), logits - 3, hidden)["loss_mask"]
    assert low < losses(ClassMasks(), logits, hidden)["loss_mask"]


def test_an_ignored_pixel_may_be_left_out(case):
    logits, targets = case
    targets[:, : H // 2] = IGNORE
    criterion = ClassMasks(ignored_are_negative=False)
    got = losses(criterion, logits, targets)
    sum(got.values()).backward()
    upper, lower = logits.grad.unflatten(1, (h, w))[:, [0, -1]].abs().sum((0, 2, 3))
    assert upper == 0 and lower > 0  # the first row of cells shows in no labelled pixel

    cut = targets.clone()[:, H // 2 :]
    whole = F.interpolate(logits.mT.unflatten(2, (h, w)), (H, W), mode="bilinear")
    rest = Regions(whole[:, :, H // 2 :].flatten(2).mT, (H // 2, W))
    expected = criterion([rest], [rest.embeddings], cut)
    torch.testing.assert_close(got["loss_mask"], expected["loss_mask"] / 2)
    torch.testing.assert_close(got["loss_dice"], expected["loss_dice"])


def test_nothing_labelled_leaves_the_focal_loss_alone(case):
    logits, targets = case
    got = losses(ClassMasks(), logits, torch.full_like(targets, IGNORE))
    assert got["loss_dice"] == 0 and got["loss_mask"] > 0
    sum(got.values()).backward()
    assert torch.isfinite(logits.grad).all()


def test_names_of_several_groupings(case):
    logits, targets = case
    region = Regions(logits, (h, w))
    got = ClassMasks()([region] * 2, [logits, 2 * logits], targets)
    assert set(got) == {"loss_mask_0", "loss_dice_0", "loss_mask", "loss_dice"}


def test_configuration():
    options = ["NAME", "ClassMasks", "MASK_WEIGHT", 100.0, "DICE_WEIGHT", 1.0, "MASK_LOSS", "bce"]
    keys = [f"MODEL.CRITERION.{key}" if i % 2 == 0 else key for i, key in enumerate(options)]
    subject = build_criterion(get_config(opts=keys))
    assert isinstance(subject, ClassMasks) and subject.mask_weight == 100.0
    assert subject.pixel_terms.__name__ == "bce_terms"
