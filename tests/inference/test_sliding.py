"""Windows over an image, and what becomes of their scores."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from zs3.inference.sliding import SlidingWindow
from zs3.readout import ScoreMaps


class Red:
    """A model of two classes, an image's red and what is not; remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[list[Tensor]] = []

    def __call__(self, batched_inputs):
        self.asked.append([inputs["image"] for inputs in batched_inputs])
        views = []
        for inputs in batched_inputs:
            red = inputs["image"][:1].float()
            assert red.shape[1:] == (inputs["height"], inputs["width"])
            scores = torch.cat((red, 255 - red))
            views.append(ScoreMaps(scores.__getitem__, 2, red.shape[1:]))
        return views


@pytest.fixture
def image() -> Tensor:
    return torch.randint(256, (3, 11, 17), dtype=torch.uint8)


@pytest.mark.parametrize(("crop", "stride"), [(6, 4), (6, 6), (5, 3), (11, 1), (20, 7)])
def test_windows_of_the_pixels_themselves_give_the_pixels(image, crop, stride) -> None:
    (maps,) = SlidingWindow(crop, stride)(Red(), [{"image": image}])

    torch.testing.assert_close(maps.scores()[0], image[0].float())
    torch.testing.assert_close(maps.maps(slice(1, 2))[0], 255 - image[0].float())


def test_windows_that_would_stick_out_end_at_the_border(image) -> None:
    model = Red()
    SlidingWindow(6, 4, batch=3)(model, [{"image": image}])

    views = [view for batch in model.asked for view in batch]
    places = [(top, left) for top in (0, 4, 5) for left in (0, 4, 8, 11)]
    assert [len(batch) for batch in model.asked] == [3, 3, 3, 3]
    for view, (top, left) in zip(views, places, strict=True):
        assert torch.equal(view, image[:, top : top + 6, left : left + 6])


def test_the_whole_image_counts_as_much_as_its_windows(image) -> None:
    model = Red()
    look = SlidingWindow(6, 4, resize_to=8, with_whole=True)
    (maps,) = look(model, [{"image": image, "height": 5, "width": 9}])

    def bilinear(x: Tensor, size: tuple[int, int]) -> Tensor:
        return F.interpolate(x[None, None], size, mode="bilinear", align_corners=False)[0, 0]

    red = image[0].float()
    merged = (bilinear(red, (8, 8)) + bilinear(bilinear(red, (6, 6)), (8, 8))) / 2
    torch.testing.assert_close(maps.scores()[0], bilinear(merged, (5, 9)))
    assert sum(map(len, model.asked)) == 5


@pytest.mark.parametrize(
    ("crop", "stride", "batches"), [(6, 4, [4, 4, 4, 1]), (14, 14, [2, 1]), (20, 20, [1, 1])]
)
def test_no_batch_has_to_be_padded(image, crop, stride, batches) -> None:
    model = Red()
    SlidingWindow(crop, stride, with_whole=True)(model, [{"image": image}])

    assert [len(batch) for batch in model.asked] == batches
    for batch in model.asked:
        assert len({view.shape for view in batch}) == 1
    assert model.asked[-1][-1].shape == (3, crop, crop)


@pytest.mark.parametrize("options", [(4, 5), (4, 0), (4, 4, 0, False, 0)])
def test_windows_that_cannot_cover_an_image_are_refused(options) -> None:
    with pytest.raises(ValueError, match="expected 1 <= STRIDE <= CROP"):
        SlidingWindow(*options)
