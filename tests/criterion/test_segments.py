import pytest
import torch
from torch.nn import functional as F

from zs3.criterion.cells import Cells
from zs3.criterion.segments import Segments
from zs3.vocabulary import IGNORE

MAP = torch.tensor(
    [
        [[4, 4, 1], [4, IGNORE, 1]],
        [[IGNORE, IGNORE, IGNORE], [IGNORE, IGNORE, IGNORE]],
        [[0, 2, 2], [2, 2, 2]],
    ]
)


def test_cells_by_hand():
    cells = Cells.of(torch.zeros(1, 3, 5), side=2)
    assert cells.size == (2, 2)
    row, other = [0, 0, 0, 1, 1], [2, 2, 2, 3, 3]
    assert cells.index.tolist() == row + row + other
    assert cells.pixels.tolist() == [6, 4, 3, 2]


@pytest.mark.parametrize("side", [0, 7, 100])
def test_there_are_no_more_cells_than_pixels(side):
    cells = Cells.of(torch.zeros(1, 3, 5), side)
    assert cells.size == (3, 5)
    assert cells.index.tolist() == list(range(15))
    assert cells.pixels.tolist() == [1] * 15


def test_one_segment_for_every_label_an_image_shows():
    segments = Segments.of_map(MAP, num_classes=5)
    assert segments.labels.tolist() == [1, 4, 0, 2]
    assert segments.counts == (2, 0, 2)
    expected = torch.stack([MAP[0] == 1, MAP[0] == 4, MAP[2] == 0, MAP[2] == 2]).float()
    torch.testing.assert_close(segments.masks, expected)


def test_a_cell_holds_the_share_of_its_pixels():
    targets = torch.tensor([[[0, 0, 1, 1], [0, 1, 1, IGNORE]]])
    segments = Segments.of_map(targets, num_classes=2, size=2)
    # Two rows stay two rows; columns are averaged in pairs.
    torch.testing.assert_close(
        segments.masks, torch.tensor([[[1, 0], [0.5, 0]], [[0, 1], [0.5, 0.5]]])
    )


def test_area_averages_agree_with_interpolation():
    torch.manual_seed(0)
    targets = torch.randint(0, 4, (2, 12, 8))
    full, small = (Segments.of_map(targets, num_classes=4, size=size) for size in (0, 4))
    expected = F.interpolate(full.masks[None], (4, 4), mode="area")[0]
    torch.testing.assert_close(small.masks, expected)


def test_no_labels_at_all():
    segments = Segments.of_map(MAP[1:2], num_classes=5)
    assert segments.counts == (0,)
    assert segments.masks.shape == (0, 2, 3)
    assert segments.by_image(segments.masks).shape == (1, 0, 2, 3)


@pytest.mark.parametrize("wrong", [5, 65534, 70000, -1])
def test_labels_that_are_no_class_are_refused(wrong):
    targets = MAP.clone()
    targets[2, 0, 0] = wrong
    message = rf"contain label {wrong}, but there are 5 classes; expected 0..4, or 65535"
    with pytest.raises(ValueError, match=message):
        Segments.of_map(targets, num_classes=5)


def test_values_by_image_are_padded_with_zeros():
    labels = [torch.tensor([3, 1]), torch.empty(0, dtype=torch.int64), torch.tensor([5, 2, 4])]
    segments = Segments.of_lists(labels, [torch.ones(len(own), 2, 3) for own in labels])
    assert segments.counts == (2, 0, 3)
    assert segments.by_image(segments.labels).tolist() == [[3, 1, 0], [0, 0, 0], [5, 2, 4]]
    masks = segments.by_image(segments.masks)
    assert masks.shape == (3, 3, 2, 3)
    assert masks.sum((2, 3)).tolist() == [[6, 6, 0], [0, 0, 0], [6, 6, 6]]
