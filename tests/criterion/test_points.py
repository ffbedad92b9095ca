import pytest
import torch
from torch.nn import functional as F

from zs3.config import get_config
from zs3.criterion import (
    EveryCell,
    HungarianMatcher,
    SampledPoints,
    Segments,
    SetCriterion,
    build_criterion,
)
from zs3.criterion.points import sample
from zs3.regions import Regions
from zs3.vocabulary import IGNORE

L, B, Q, K, h, w = 3, 2, 5, 4, 3, 4
H, W = 6, 12
EVERY = {"oversample_ratio": 1.0, "importance_sample_ratio": 0.0}


def criterion(comparison, **options) -> SetCriterion:
    shared = {"mask_loss": "bce", "comparison": comparison}
    matcher = HungarianMatcher(class_cost=2.0, mask_cost=5.0, dice_cost=5.0, **shared)
    return SetCriterion(matcher=matcher, **shared, **options)


def centres(height: int, width: int) -> torch.Tensor:
    """(height * width, 2): (x, y) of all cells."""
    y, x = ((torch.arange(length) + 0.5) / length for length in (height, width))
    return torch.cartesian_prod(y, x).flip(1)


def at(points: torch.Tensor):
    """A draw that always gives these (P, 2) points."""

    def draw(*shape: int, device: torch.device) -> torch.Tensor:
        return points[: shape[1]].expand(shape).to(device)

    return draw


def test_a_point_is_the_same_place_on_maps_of_any_size():
    """x to the right and y down, from edge to edge, fading over the edge's half cell."""
    small = torch.tensor([[1.0, 2.0], [3.0, 4.0]])[None, None]
    points = torch.tensor([[[0.25, 0.25], [0.75, 0.25], [0.5, 0.5], [0.0, 0.75]]])
    assert sample(small, points).tolist() == [[[1.0, 2.0, 2.5, 1.5]]]
    linear = torch.arange(8.0).repeat(6, 1)[None, None]
    assert sample(linear, torch.tensor([[[0.5, 0.3]]])).item() == pytest.approx(3.5)


def test_points_at_all_cells_are_the_comparison_of_every_cell(case):
    """Predictions as large as the labels, where the two agree on what a cell is."""
    _, logits, targets = case
    torch.manual_seed(1)
    regions = [
        Regions(torch.empty(B, Q, 0), (H, W), torch.randn(B, Q, H, W, requires_grad=True))
        for _ in range(L)
    ]
    points = SampledPoints(num_points=H * W, draw=at(centres(H, W)), **EVERY)
    leaves = [*logits, *(region.masks for region in regions)]
    results = []
    for comparison in (points, EveryCell()):
        losses = criterion(comparison)(regions, logits, targets)
        results.append((losses, torch.autograd.grad(sum(losses.values()), leaves)))
    torch.testing.assert_close(*results)


def test_constant_masks_lose_the_same_at_any_points():
    """Inside the outermost half cells, where samples fade to the zeros outside."""
    value = torch.tensor([-3.0, 1.0]).view(1, 2, 1, 1)
    masks, logits = value.expand(1, 2, h, w), torch.zeros(1, 2, K + 1)
    segments = Segments.of_lists([torch.tensor([1])], [torch.ones(1, H, W)])
    inner = SampledPoints(num_points=50, draw=at(0.2 + 0.6 * torch.rand(150, 2)))
    few, every = (
        criterion(comparison).losses([(logits, masks)], segments)
        for comparison in (inner, EveryCell())
    )
    torch.testing.assert_close(few["loss_mask"], every["loss_mask"])
    torch.testing.assert_close(few["loss_mask"], F.softplus(torch.tensor(-1.0)))
    p = torch.tensor(1.0).sigmoid()
    torch.testing.assert_close(few["loss_dice"], 1 - (2 * 50 * p + 1) / (50 * p + 50 + 1))


def test_the_least_certain_candidates_are_kept():
    """A mask that is certain on the left and not on the right; half of 8 points of 16."""
    masks = torch.tensor([[[-9.0, 9.0, -0.5, 0.4]]])
    x = (torch.arange(16) + 0.5) / 16
    candidates = torch.stack((x, torch.full_like(x, 0.5)), 1)[None]
    uniform = torch.tensor([0.125, 0.5]).expand(1, 4, 2)
    asked = iter([candidates, uniform])
    subject = SampledPoints(
        num_points=8,
        oversample_ratio=2.0,
        importance_sample_ratio=0.5,
        draw=lambda *shape, device: next(asked),
    )
    logits, targets = subject.for_losses(masks, (masks > 0).float())
    assert logits.shape == targets.shape == (1, 8)
    certainty = sample(masks[None], candidates).abs().flatten().sort().values
    torch.testing.assert_close(logits[0, :4].abs().sort().values, certainty[:4])
    torch.testing.assert_close(logits[0, 4:], torch.full((4,), -9.0))
    assert not targets[0, 4:].any()


def test_how_many_points_are_drawn_for_what():
    shapes = []

    def draw(*shape: int, device: torch.device) -> torch.Tensor:
        shapes.append(shape)
        return torch.rand(*shape, device=device)

    subject = criterion(SampledPoints(num_points=10, draw=draw))
    segments = Segments.of_lists(
        [torch.tensor([0, 1]), torch.tensor([2])], [torch.ones(2, H, W), torch.ones(1, H, W)]
    )
    outputs = [(torch.randn(B, Q, K + 1), torch.randn(B, Q, h, w)) for _ in range(L)]
    subject.losses(outputs, segments)
    assert shapes == [(B, 10, 2)] * L + [(3, 30, 2), (3, 3, 2)] * L


def test_points_are_drawn_anew_and_from_the_common_source(case):
    regions, logits, targets = case
    subject = criterion(SampledPoints(num_points=20))
    torch.manual_seed(5)
    first, second = (subject(regions, logits, targets) for _ in range(2))
    torch.manual_seed(5)
    torch.testing.assert_close(subject(regions, logits, targets), first, rtol=0, atol=0)
    assert first["loss_mask"] != second["loss_mask"]


def test_many_uniform_points_come_close_to_every_cell():
    """On the same pairs, since masks have no say in the matching."""
    torch.manual_seed(0)
    masks = torch.randn(1, Q, 64, 64)
    targets = torch.zeros(1, 64, 64, dtype=torch.int64)
    targets[:, 20:] = 1
    regions, logits = Regions(torch.empty(1, Q, 0), (64, 64), masks), torch.randn(1, Q, K + 1)
    points = SampledPoints(num_points=20000, **EVERY)
    losses = []
    for comparison in (points, EveryCell()):
        matcher = HungarianMatcher(class_cost=1.0, mask_cost=0.0, dice_cost=0.0)
        subject = SetCriterion(matcher=matcher, comparison=comparison)
        losses.append(subject([regions], [logits], targets)["loss_dice"])
    torch.testing.assert_close(*losses, atol=0.02, rtol=0)


def test_masks_learn_where_the_points_are(case):
    regions, logits, targets = case
    inside = torch.tensor([[0.125, 1 / 6]])  # the centre of the first cell
    points = SampledPoints(num_points=1, draw=at(inside), **EVERY)
    sum(criterion(points)(regions, logits, targets).values()).backward()
    for region in regions:
        learnt = region.masks.grad.flatten(2).abs() > 1e-6
        assert learnt[:, :, 0].any()
        assert not learnt[:, :, 1:].any()


def test_nothing_labelled_teaches_void_and_no_mask(case):
    regions, logits, targets = case
    subject = criterion(SampledPoints(num_points=20))
    losses = subject(regions, logits, torch.full_like(targets, IGNORE))
    sum(losses.values()).backward()
    assert losses["loss_mask"] == losses["loss_dice_0"] == 0
    assert losses["loss_ce"] > 0
    assert not regions[0].masks.grad.any()


def test_images_without_segments_and_with_too_many(case):
    regions, logits, _ = case
    segments = Segments.of_lists(
        [torch.empty(0, dtype=torch.int64), torch.arange(7) % K],
        [torch.empty(0, H, W), torch.rand(7, H, W).round()],
    )
    outputs = [(logit, region.masks) for logit, region in zip(logits, regions, strict=True)]
    subject = criterion(SampledPoints(num_points=20))
    for matching in subject.matcher(outputs, segments):
        assert matching.image.tolist() == [1] * Q
        assert matching.query.sort().values.tolist() == list(range(Q))
    assert all(loss.isfinite() for loss in subject.losses(outputs, segments).values())


def test_half_precision_predictions(case):
    regions, logits, targets = case
    points = SampledPoints(num_points=H * W, draw=at(centres(H, W)), **EVERY)
    halved = [Regions(r.embeddings, r.grid, r.masks.bfloat16()) for r in regions]
    with torch.autocast("cpu", torch.bfloat16):
        losses = criterion(points)(halved, [logit.bfloat16() for logit in logits], targets)
    exact = [Regions(r.embeddings, r.grid, r.masks.float()) for r in halved]
    expected = criterion(points)(exact, [logit.bfloat16().float() for logit in logits], targets)
    assert all(loss.dtype == torch.float32 for loss in losses.values())
    torch.testing.assert_close(losses, expected)


@pytest.mark.parametrize(
    "options",
    [
        {"num_points": 0},
        {"num_points": 8, "oversample_ratio": 0.5},
        {"num_points": 8, "importance_sample_ratio": 1.5},
    ],
)
def test_impossible_samples_are_refused(options):
    with pytest.raises(ValueError, match=r"cannot compare masks at \d+ points with OVER"):
        SampledPoints(**options)


def test_configuration():
    keys = {"NUM_POINTS": 64, "OVERSAMPLE_RATIO": 2.0, "IMPORTANCE_SAMPLE_RATIO": 0.5}
    opts = [str(x) for key, value in keys.items() for x in (f"MODEL.CRITERION.{key}", value)]
    subject = build_criterion(get_config(opts=opts))
    points = subject.comparison
    assert points is subject.matcher.comparison
    assert (points.num_points, points.num_candidates, points.num_uncertain) == (64, 128, 32)
    assert isinstance(build_criterion(get_config()).comparison, EveryCell)
