import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from zs3.grouping.deformable import DeformableAttention, sample

B, N, HEADS, POINTS, C = 2, 7, 2, 3, 8
SIZES = [(3, 4), (1, 1), (2, 5)]
S = sum(height * width for height, width in SIZES)


def inputs(dtype=torch.float32):
    """Value, sizes, places on the maps and outside of them, and weights."""
    generator = torch.Generator().manual_seed(0)
    value = torch.randn(B, S, HEADS, 5, generator=generator, dtype=dtype)
    grouped = (B, N, HEADS, len(SIZES), POINTS)
    locations = 2 * torch.rand(*grouped, 2, generator=generator, dtype=dtype) - 0.5
    weights = torch.rand(*grouped, generator=generator, dtype=dtype)
    return value, torch.tensor(SIZES), locations, weights


def attention() -> DeformableAttention:
    """Not as it starts, where no query matters."""
    torch.manual_seed(0)
    part = DeformableAttention(dim=C, heads=HEADS, levels=len(SIZES), points=POINTS)
    for parameter in part.parameters():
        nn.init.normal_(parameter, std=0.3)
    return part


def queries(levels: int = len(SIZES)):
    generator = torch.Generator().manual_seed(1)
    query, tokens = (torch.randn(B, n, C, generator=generator) for n in (N, S))
    return query, torch.rand(B, N, levels, 2, generator=generator), tokens, torch.tensor(SIZES)


def by_loops(value, locations, weights):
    """Every weighted sample by itself, from the definition of bilinear interpolation."""
    out = torch.zeros(B, N, HEADS, value.shape[3], dtype=value.dtype)
    for b, n, head, level, point in torch.cartesian_prod(*map(torch.arange, weights.shape)):
        height, width = SIZES[level]
        first = sum(h * w for h, w in SIZES[:level])
        x, y = (locations[b, n, head, level, point] * torch.tensor([width, height]) - 0.5).tolist()
        for i in range(height):
            for j in range(width):
                share = max(0, 1 - abs(x - j)) * max(0, 1 - abs(y - i))
                cell = value[b, first + i * width + j, head]
                out[b, n, head] += weights[b, n, head, level, point] * share * cell
    return out.flatten(2)


def by_grid_sample(value, sizes, locations, weights):
    total = 0
    maps = value.split([height * width for height, width in SIZES], 1)
    for level, (tokens, size) in enumerate(zip(maps, SIZES, strict=True)):
        images = tokens.permute(0, 2, 3, 1).unflatten(3, size).flatten(0, 1)
        grid = (2 * locations[:, :, :, level] - 1).transpose(1, 2).flatten(0, 1)
        samples = F.grid_sample(images, grid, align_corners=False)
        weighted = samples * weights[:, :, :, level].transpose(1, 2).flatten(0, 1)[:, None]
        total = total + weighted.sum(3)
    return total.unflatten(0, (B, HEADS)).permute(0, 3, 1, 2).flatten(2)


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ((0.25, 0.25), 1.0),  # the centre of the first cell
        ((0.5, 0.5), 2.5),  # the middle of all four
        ((0.75, 0.5), 3.0),  # between the two on the right
        ((0.0, 0.25), 0.5),  # the left edge: half of the cell, half of nothing
        ((1.0, 1.0), 1.0),  # the corner: a quarter of the cell
        ((-0.5, 0.25), 0.0),
        ((5.0, -3.0), 0.0),
    ],
)
def test_samples_of_a_map_by_hand(place, expected):
    value = torch.tensor([1.0, 2.0, 3.0, 4.0]).view(1, 4, 1, 1)
    locations = torch.tensor(place).view(1, 1, 1, 1, 1, 2)
    got = sample(value, torch.tensor([[2, 2]]), locations, torch.ones(1, 1, 1, 1, 1))
    assert got.item() == pytest.approx(expected)


def test_samples_are_those_of_plain_loops():
    value, sizes, locations, weights = inputs()
    got = sample(value, sizes, locations, weights)
    assert got.shape == (B, N, HEADS * 5)
    torch.testing.assert_close(got, by_loops(value, locations, weights))


def test_gradients_are_those_of_grid_sample():
    value, sizes, locations, weights = inputs(torch.float64)
    leaves = [value.requires_grad_(), locations.requires_grad_(), weights.requires_grad_()]
    outputs = [way(value, sizes, locations, weights) for way in (sample, by_grid_sample)]
    toward = torch.randn_like(outputs[0])
    got, expected = (torch.autograd.grad(out, leaves, toward) for out in outputs)
    torch.testing.assert_close(got, expected)
    assert all(gradient.abs().sum() > 0 for gradient in got)


def test_heads_start_in_directions_of_their_own():
    part = DeformableAttention(dim=16, heads=8, levels=2, points=3)
    offsets = part.sampling_offsets.bias.view(8, 2, 3, 2)
    corners = [(1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1)]
    expected = torch.tensor(corners)[:, None, None] * torch.tensor([1, 2, 3])[:, None]
    torch.testing.assert_close(offsets, expected.expand(-1, 2, -1, -1).float())
    assert not part.sampling_offsets.weight.any()
    assert not part.attention_weights.weight.any() and not part.attention_weights.bias.any()
    limit = math.sqrt(6 / 32)
    for linear in (part.value_proj, part.output_proj):
        assert limit * 0.8 < linear.weight.abs().max() <= limit
        assert not linear.bias.any()


def test_each_head_first_reads_the_cell_next_to_its_query():
    """Four heads look right, down, left and up; projections are set to the identity."""
    part = DeformableAttention(dim=4, heads=4, levels=1, points=1)
    for linear in (part.value_proj, part.output_proj):
        nn.init.eye_(linear.weight)
    tokens = torch.arange(1.0, 10).view(1, 9, 1).expand(1, 9, 4)
    middle, corner = (torch.tensor([[[[x, x]]]]) for x in (0.5, 1 / 6))
    for place, expected in ((middle, [6.0, 8.0, 4.0, 2.0]), (corner, [2.0, 4.0, 0.0, 0.0])):
        got = part(torch.zeros(1, 1, 4), place, tokens, torch.tensor([[3, 3]]))
        torch.testing.assert_close(got, torch.tensor([[expected]]))


def test_weights_of_all_points_of_all_maps_sum_to_one():
    query, reference, _, sizes = queries()
    locations, weights = attention().places(query, reference, sizes)
    assert locations.shape == (B, N, HEADS, len(SIZES), POINTS, 2)
    torch.testing.assert_close(weights.sum((3, 4)), torch.ones(B, N, HEADS))


def test_offsets_count_in_cells_of_the_map_or_in_the_box():
    part, (query, reference, _, sizes) = attention(), queries()
    offsets = part.sampling_offsets(query).view(B, N, HEADS, len(SIZES), POINTS, 2)
    locations, _ = part.places(query, reference, sizes)
    cells = torch.tensor([[width, height] for height, width in SIZES])[:, None]
    places = reference[:, :, None, :, None]
    torch.testing.assert_close((locations - places) * cells, offsets)

    boxes = torch.cat((reference, torch.tensor([0.2, 0.6]).expand_as(reference)), 3)
    locations, _ = part.places(query, boxes, sizes)
    torch.testing.assert_close(
        (locations - places) / torch.tensor([0.1, 0.3]), offsets / POINTS, atol=1e-5, rtol=1e-4
    )


def test_places_may_be_shared_by_maps_and_images():
    part, (query, reference, tokens, sizes) = attention(), queries(levels=1)
    shared = reference[0]  # (N, 1, 2)
    expected = part(query, shared.expand(B, N, len(SIZES), 2), tokens, sizes)
    torch.testing.assert_close(part(query, shared, tokens, sizes), expected)


def test_padded_tokens_have_no_say():
    part, (query, reference, tokens, sizes) = attention(), queries()
    padding = torch.zeros(B, S, dtype=torch.bool)
    padding[1, ::3] = True
    changed = torch.where(padding[..., None], 100.0, tokens)
    expected = part(query, reference, tokens, sizes, padding)
    torch.testing.assert_close(part(query, reference, changed, sizes, padding), expected)
    assert not torch.allclose(part(query, reference, tokens, sizes)[1], expected[1])


def test_a_batch_of_two_is_two_batches_of_one():
    part, (query, reference, tokens, sizes) = attention(), queries()
    together = part(query, reference, tokens, sizes)
    for b in range(B):
        alone = part(query[b : b + 1], reference[b : b + 1], tokens[b : b + 1], sizes)
        torch.testing.assert_close(together[b : b + 1], alone)


def test_everything_learns():
    part, (query, reference, tokens, sizes) = attention(), queries()
    leaves = {"query": query.requires_grad_(), "tokens": tokens.requires_grad_()}
    part(query, reference, tokens, sizes).square().sum().backward()
    for name, leaf in {**leaves, **dict(part.named_parameters())}.items():
        assert leaf.grad.abs().sum() > 0, name


def test_offsets_learn_from_the_start():
    """The first places are centres of cells, where bilinear interpolation has a kink."""
    part = DeformableAttention(dim=C, heads=HEADS, levels=1, points=POINTS)
    query, tokens = torch.randn(1, 9, C), torch.randn(1, 9, C)
    centres = (torch.arange(3) + 0.5) / 3
    reference = torch.cartesian_prod(centres, centres).flip(1)[:, None]
    part(query, reference, tokens, torch.tensor([[3, 3]])).square().sum().backward()
    assert part.sampling_offsets.weight.grad.abs().sum() > 0
    assert part.attention_weights.weight.grad.abs().sum() > 0
