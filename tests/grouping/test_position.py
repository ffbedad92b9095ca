import math

import pytest
import torch

from zs3.grouping.position import sine_position


def test_y_comes_before_x_and_sine_before_cosine():
    """Four channels have one frequency, 1; 3 rows are 2 pi / 3 apart, 2 columns pi."""
    code = sine_position((3, 2), 4)
    assert code.shape == (4, 3, 2)
    rows, columns = torch.arange(1, 4) * 2 * math.pi / 3, torch.arange(1, 3) * math.pi
    torch.testing.assert_close(code[0], rows.sin()[:, None].expand(3, 2), atol=1e-5, rtol=0)
    torch.testing.assert_close(code[1], rows.cos()[:, None].expand(3, 2), atol=1e-5, rtol=0)
    torch.testing.assert_close(code[2], columns.sin().expand(3, 2), atol=1e-5, rtol=0)
    torch.testing.assert_close(code[3], columns.cos().expand(3, 2), atol=1e-5, rtol=0)


def test_later_channels_turn_more_slowly():
    """Raw counts: pair j of F = dim / 2 channels has the period 10000^(2 j / F)."""
    code = sine_position((1, 5), 8, normalize=False)
    expected = torch.sin(torch.arange(1, 6) / 10000 ** (2 / 4))
    torch.testing.assert_close(code[6, 0], expected)


def test_a_width_that_does_not_split_is_refused():
    with pytest.raises(ValueError, match=r"multiple of 4 channels .*, got 6"):
        sine_position((2, 2), 6)
