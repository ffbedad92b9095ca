import pytest
import torch
from torch.nn import functional as F

from zs3.config import get_config
from zs3.criterion import HungarianMatcher, Segments, SetCriterion, build_criterion, processes
from zs3.regions import Regions
from zs3.vocabulary import IGNORE

L, B, Q, K, h, w = 3, 2, 5, 4, 3, 4
H, W = 6, 12


def criterion(**kwargs):
    loss = kwargs.get("mask_loss", "focal")
    matcher = HungarianMatcher(class_cost=1.0, mask_cost=20.0, dice_cost=1.0, mask_loss=loss)
    return SetCriterion(matcher=matcher, **kwargs)


def reference(regions, logits, targets, matchings, *, name, void_weight=0.1):
    """Loops over layers and pairs, from the definitions."""
    total = sum(len(set(image.unique().tolist()) - {IGNORE}) for image in targets)
    labels = [(b, k) for b in range(B) for k in range(K) if (targets[b] == k).any()]
    losses = {}
    for i, (region, logit, matching) in enumerate(zip(regions, logits, matchings, strict=True)):
        classes = torch.full((B, Q), K)
        mask_loss = dice = torch.zeros(())
        for b, q, t in zip(matching.image, matching.query, matching.segment, strict=True):
            image, label = labels[t]
            assert image == b
            classes[b, q] = label
            x = F.interpolate(region.masks[b, q][None, None], (H, W), mode="bilinear")[0, 0]
            y = (targets[b] == label).float()
            p = x.sigmoid()
            if name == "bce":
                pixel = F.binary_cross_entropy(p, y, reduction="none")
            else:
                pixel = -0.25 * (1 - p) ** 2 * p.log() * y
                pixel = pixel - 0.75 * p**2 * (1 - p).log() * (1 - y)
            mask_loss = mask_loss + pixel.mean() / total
            dice = dice + (1 - (2 * (p * y).sum() + 1) / (p.sum() + y.sum() + 1)) / total
        log_p = logit.log_softmax(2).gather(2, classes[..., None])[..., 0]
        weight = torch.where(classes == K, void_weight, 1.0)
        suffix = "" if i == L - 1 else f"_{i}"
        losses[f"loss_ce{suffix}"] = -(weight * log_p).sum() / weight.sum()
        losses[f"loss_mask{suffix}"] = mask_loss
        losses[f"loss_dice{suffix}"] = dice
    return losses


@pytest.mark.parametrize("name", ["focal", "bce"])
def test_losses_follow_their_definitions(case, name):
    regions, logits, targets = case
    subject = criterion(mask_loss=name, class_weight=2.0, mask_weight=5.0, dice_weight=3.0)
    outputs = [(logit, region.masks) for logit, region in zip(logits, regions, strict=True)]
    segments = Segments.of_map(targets, K)
    expected = reference(regions, logits, targets, subject.matcher(outputs, segments), name=name)

    torch.testing.assert_close(subject.losses(outputs, segments), expected, check_dtype=False)
    weights = {"loss_ce": 2.0, "loss_mask": 5.0, "loss_dice": 3.0}
    weighted = {key: weights[key.rstrip("_01")] * value for key, value in expected.items()}
    torch.testing.assert_close(subject(regions, logits, targets), weighted, check_dtype=False)


def test_gradients_are_those_of_the_definitions(case):
    regions, logits, targets = case
    leaves = [*logits, *(region.masks for region in regions)]
    subject = criterion()
    outputs = [(logit, region.masks) for logit, region in zip(logits, regions, strict=True)]
    segments = Segments.of_map(targets, K)
    matchings = subject.matcher(outputs, segments)
    got = torch.autograd.grad(sum(subject.losses(outputs, segments).values()), leaves)
    expected = reference(regions, logits, targets, matchings, name="focal")
    torch.testing.assert_close(got, torch.autograd.grad(sum(expected.values()), leaves))


def test_only_matched_queries_learn_masks_and_all_learn_classes(case):
    regions, logits, targets = case
    subject = criterion()
    sum(subject(regions, logits, targets).values()).backward()
    (matching,) = subject.matcher([(logits[0], regions[0].masks)], Segments.of_map(targets, K))
    matched = torch.zeros(B, Q, dtype=torch.bool)
    matched[matching.image, matching.query] = True
    assert (regions[0].masks.grad.flatten(2).any(2) == matched).all()
    assert logits[0].grad.any(2).all()


def test_a_perfect_prediction_costs_next_to_nothing(case):
    _, _, targets = case
    segments = Segments.of_map(targets, K)
    masks = torch.full((B, Q, H, W), -20.0)
    logits = torch.zeros(B, Q, K + 1)
    logits[..., K] = 20
    row = 0
    for b, count in enumerate(segments.counts):
        for q in range(count):
            masks[b, q] = 40 * segments.masks[row] - 20
            logits[b, q, K], logits[b, q, segments.labels[row]] = 0, 20
            row += 1
    losses = criterion()([Regions(torch.empty(B, Q, 0), (H, W), masks)], [logits], targets)
    assert sum(losses.values()) < 1e-3


def test_a_coarser_comparison_is_that_of_every_pixel_with_its_cell(case):
    regions, logits, targets = case
    size = 3
    subject = criterion(loss_size=size, mask_loss="bce", mask_weight=1.0)
    got = subject(regions[-1:], logits[-1:], targets)["loss_mask"]

    segments = Segments.of_map(targets, K)
    coarse = Segments.of_map(targets, K, size)
    (matching,) = subject.matcher([(logits[-1], regions[-1].masks)], coarse)
    matched = regions[-1].masks[matching.image, matching.query][None]
    cells = F.interpolate(matched, (size, size), mode="bilinear")
    pixels = F.interpolate(cells, (H, W), mode="nearest")[0]
    per_mask = F.binary_cross_entropy_with_logits(
        pixels, segments.masks[matching.segment], reduction="none"
    ).mean((1, 2))
    torch.testing.assert_close(got, per_mask.sum() / len(segments.labels))


def test_nothing_labelled_teaches_void_and_no_mask(case):
    regions, logits, targets = case
    losses = criterion()(regions, logits, torch.full_like(targets, IGNORE))
    sum(losses.values()).backward()
    assert losses["loss_mask"] == losses["loss_dice_0"] == 0
    assert losses["loss_ce"] > 0
    assert not regions[0].masks.grad.any()
    torch.testing.assert_close(
        losses["loss_ce"], -logits[-1].log_softmax(2)[..., K].mean(), check_dtype=False
    )


def test_overlapping_segments_and_an_image_without_any():
    torch.manual_seed(0)
    masks = torch.randn(B, Q, h, w, requires_grad=True)
    segments = Segments.of_lists(
        [torch.tensor([1, 3, 1]), torch.empty(0, dtype=torch.int64)],
        [torch.ones(3, H, W), torch.empty(0, H, W)],
    )
    losses = criterion().losses([(torch.randn(B, Q, K + 1), masks)], segments)
    assert losses.keys() == {"loss_ce", "loss_mask", "loss_dice"}
    losses["loss_dice"].backward()
    assert masks.grad[0].flatten(1).any(1).sum() == 3
    assert not masks.grad[1].any()


def test_segments_without_a_query_count_but_teach_nothing():
    torch.manual_seed(0)
    masks, logits = torch.randn(1, 2, h, w), torch.randn(1, 2, K + 1)
    segments = Segments.of_map(torch.arange(K).repeat(1, h, 1), K)
    subject = criterion(mask_loss="bce")
    (matching,) = subject.matcher([(logits, masks)], segments)
    kept = Segments(segments.labels[matching.segment], segments.masks[matching.segment], (2,))
    losses = subject.losses([(logits, masks)], segments)
    expected = subject.losses([(logits, masks)], kept)
    torch.testing.assert_close(losses["loss_ce"], expected["loss_ce"])
    torch.testing.assert_close(losses["loss_mask"], expected["loss_mask"] * 2 / K)
    torch.testing.assert_close(losses["loss_dice"], expected["loss_dice"] * 2 / K)


def test_segments_are_counted_over_all_processes(case, monkeypatch):
    regions, logits, targets = case
    alone = criterion()(regions, logits, targets)
    segments = len(Segments.of_map(targets, K).labels)
    monkeypatch.setattr(processes.comm, "get_world_size", lambda: 2)
    # The other process has three segments more.
    monkeypatch.setattr(processes.distributed, "all_reduce", lambda count: count.mul_(2).add_(3))
    both = criterion()(regions, logits, targets)
    expected = alone["loss_mask"] * segments / (segments + 1.5)
    torch.testing.assert_close(both["loss_mask"], expected)
    torch.testing.assert_close(both["loss_ce"], alone["loss_ce"])


def test_half_precision_predictions(case):
    regions, logits, targets = case
    with torch.autocast("cpu", torch.bfloat16):
        losses = criterion()(
            [Regions(r.embeddings, r.grid, r.masks.bfloat16()) for r in regions],
            [logit.bfloat16() for logit in logits],
            targets,
        )
    assert all(loss.dtype == torch.float32 and loss.isfinite() for loss in losses.values())


def test_regions_without_masks_are_refused(case):
    _, logits, targets = case
    pixels = Regions(torch.empty(B, Q, 0), grid=(1, Q))
    with pytest.raises(ValueError, match=r"needs regions with masks.*PixelCrossEntropy"):
        criterion()([pixels], logits[:1], targets)


def test_configuration():
    keys = {"CLASS": 2.0, "MASK": 5.0, "DICE": 4.0}
    opts = [f"MODEL.CRITERION.{key}_WEIGHT={value}" for key, value in keys.items()]
    opts += ["MODEL.CRITERION.VOID_WEIGHT=0.2", "MODEL.CRITERION.LOSS_SIZE=48"]
    opts += ["MODEL.CRITERION.DICE_COST=3.0", "MODEL.CRITERION.MASK_LOSS=bce"]
    subject = build_criterion(get_config(opts=[part for opt in opts for part in opt.split("=")]))
    assert isinstance(subject, SetCriterion)
    assert subject.weights == {"loss_ce": 2.0, "loss_mask": 5.0, "loss_dice": 4.0}
    assert (subject.void_weight, subject.loss_size) == (0.2, 48)
    assert (subject.matcher.class_cost, subject.matcher.dice_cost) == (1.0, 3.0)
    assert not subject.state_dict()
