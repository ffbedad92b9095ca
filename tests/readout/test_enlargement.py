import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from zs3.readout import PixelReadout
from zs3.readout.enlargement import at_once, by_corners, by_input


def by_pillow(maps: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    each = [Image.fromarray(x).resize(size[::-1], Image.Resampling.BILINEAR) for x in maps.numpy()]
    return torch.from_numpy(np.stack([np.asarray(x) for x in each]))


@pytest.mark.parametrize("size", [(31, 50), (5, 4)])
def test_at_once_is_pillows_rule(size):
    maps = torch.randn(1, 2, 8, 12)
    got = at_once(maps, (64, 96), (64, 96), size)
    torch.testing.assert_close(got[0], by_pillow(maps[0], size), atol=1e-5, rtol=1e-5)


def test_at_once_cuts_the_padding_off():
    maps = torch.randn(1, 2, 8, 12)
    whole = at_once(maps, (64, 96), (64, 96), (128, 192))
    assert torch.equal(at_once(maps, (64, 96), (32, 72), (64, 144)), whole[..., :64, :144])


def test_corners_stay_where_they_are():
    maps = torch.randn(1, 2, 8, 12)
    got = by_corners(maps, (64, 96), (64, 96), (64, 96))
    torch.testing.assert_close(got[..., ::63, ::95], maps[..., ::7, ::11])
    assert not torch.allclose(by_input(maps, (64, 96), (64, 96), (64, 96)), got)


def test_by_input_goes_by_the_padded_input():
    maps = torch.randn(1, 2, 8, 12)
    padded = F.interpolate(maps, (64, 96), mode="bilinear", align_corners=False)
    got = by_input(maps, (64, 96), (60, 90), (30, 45))
    cropped = F.interpolate(padded[..., :60, :90], (30, 45), mode="bilinear", align_corners=False)
    torch.testing.assert_close(got, cropped)


def test_an_unknown_way_is_refused():
    with pytest.raises(ValueError, match="no enlargement is called 'zoom'; there are by_input"):
        PixelReadout(enlargement="zoom")
