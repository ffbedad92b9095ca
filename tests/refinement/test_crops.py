import pytest
import torch
from torch import Tensor

from zs3.refinement import Crops, SquareBoxes, tight_boxes

H, W = 8, 11


def mask(rows: slice, columns: slice) -> Tensor:
    inside = torch.zeros(H, W, dtype=torch.bool)
    inside[rows, columns] = True
    return inside


def logits(inside: Tensor) -> Tensor:
    return torch.where(inside, 3.0, -3.0)


@pytest.mark.parametrize(
    ("inside", "box"),
    [
        (mask(slice(2, 6), slice(3, 10)), [3, 2, 9, 5]),
        (mask(slice(0, H), slice(0, W)), [0, 0, W - 1, H - 1]),
        (mask(slice(1, 3), slice(4, 6)), [4, 1, 5, 2]),
        (mask(slice(1, 3), slice(4, 6)) | mask(slice(7, 8), slice(0, 1)), [0, 1, 5, 7]),
        (mask(slice(0, 0), slice(0, 0)), [0, 0, W, H]),
        (mask(slice(3, 4), slice(0, W)), [0, 0, W, H]),
        (mask(slice(0, H), slice(5, 6)), [0, 0, W, H]),
        (mask(slice(3, 4), slice(5, 6)), [0, 0, W, H]),
    ],
    ids=["blob", "all", "2x2", "two blobs", "empty", "row", "column", "pixel"],
)
def test_tight_boxes_end_at_the_last_pixel_and_degenerate_ones_are_the_canvas(
    inside: Tensor, box: list[int]
) -> None:
    assert tight_boxes(inside[None]).tolist() == [box]


def test_square_boxes_by_hand() -> None:
    inside = torch.stack(
        (mask(slice(2, 6), slice(3, 10)), mask(slice(3, 4), slice(5, 6)), mask(slice(0), slice(0)))
    )

    boxes = SquareBoxes(margin=2.0, pad=1.0)(inside)

    # 4 rows x 7 columns about (6.5, 4): half a side is 7 * 2 / 2 + 1 = 8. One pixel about (5.5,
    # 3.5): 1 * 2 / 2 + 1 = 2.
    expected = [[-1.5, -4.0, 14.5, 12.0], [3.5, 1.5, 7.5, 5.5], [0.0, 0.0, W, H]]
    torch.testing.assert_close(boxes, torch.tensor(expected))


def test_a_square_crop_at_its_own_size_shows_the_pixels_themselves() -> None:
    images = torch.randn(2, 3, H, W)
    inside = mask(slice(1, 5), slice(6, 10))
    crops = Crops(size=4, boxes=SquareBoxes())

    got = crops(images, logits(inside)[None], torch.tensor([1]))

    torch.testing.assert_close(got[0], images[1, :, 1:5, 6:10])


@pytest.mark.parametrize("style", ["cropmask", "mask"])
def test_what_is_outside_the_mask_does_not_matter(style: str) -> None:
    images = torch.randn(1, 3, H, W)
    inside = mask(slice(1, 6), slice(2, 9)) & ~mask(slice(3, 4), slice(4, 6))
    changed = torch.where(inside, images, torch.randn(1, 3, H, W))
    crops = Crops(size=5 if style == "cropmask" else H, style=style)
    if style == "mask":  # at the canvas' own height and width nothing is interpolated
        images, changed, inside = images[..., :H], changed[..., :H], inside[:, :H]
    owner = torch.zeros(1, dtype=torch.int64)

    torch.testing.assert_close(
        crops(images, logits(inside)[None], owner), crops(changed, logits(inside)[None], owner)
    )


def test_crop_style_shows_the_surroundings() -> None:
    images = torch.ones(1, 3, H, W)
    inside = mask(slice(1, 6), slice(2, 9)) & ~mask(slice(2, 5), slice(3, 8))
    owner = torch.zeros(1, dtype=torch.int64)

    assert Crops(size=5, style="crop")(images, logits(inside)[None], owner).eq(1).all()
    assert not Crops(size=5, style="cropmask")(images, logits(inside)[None], owner).eq(1).all()


def test_outside_the_canvas_is_the_mean_colour() -> None:
    images = torch.ones(1, 3, H, W)
    crops = Crops(size=16, style="crop", boxes=SquareBoxes(margin=4.0))

    crop = crops(images, logits(mask(slice(0, 4), slice(0, 4)))[None], torch.tensor([0]))[0]

    # The box runs from -6 to 10 at one sample a pixel; what is half a pixel off the canvas already
    # counts as outside.
    assert crop[:, :5].eq(0).all() and crop[:, :, :5].eq(0).all()
    assert crop[:, 6:14, 6:].eq(1).all()


@pytest.mark.parametrize("style", ["cropmask", "crop", "mask"])
def test_every_proposal_looks_at_its_own_image(style: str) -> None:
    images = torch.randn(3, 3, H, W)
    masks = torch.randn(4, H, W)
    owner = torch.tensor([2, 0, 2, 1])
    crops = Crops(size=6, style=style)

    together = crops(images, masks, owner)

    assert together.shape == (4, 3, 6, 6)
    for i in range(4):
        alone = crops(images[owner[i]][None], masks[i : i + 1], torch.tensor([0]))
        torch.testing.assert_close(together[i : i + 1], alone)


def test_an_unknown_style_is_refused() -> None:
    with pytest.raises(
        ValueError, match="no crop style is called 'cut'; there are cropmask, crop, mask"
    ):
        Crops(size=4, style="cut")
