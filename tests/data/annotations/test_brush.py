import numpy as np
import pytest
from brushes import encode, encode_mask

from zs3.data.annotations.brush import decode_brush

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(("height", "width", "share"), [(1, 1, 0.5), (7, 5, 0.3), (40, 33, 0.9)])
def test_what_was_encoded_comes_back(height, width, share):
    mask = RNG.random((height, width)) < share
    np.testing.assert_array_equal(decode_brush(bytes(encode_mask(mask)), height, width), mask)


def test_runs_and_chunks_may_be_longer_than_a_length_can_say():
    mask = np.zeros((90, 200), bool)  # 72000 equal words a half, 65536 at most in a chunk
    mask[45:] = True
    np.testing.assert_array_equal(decode_brush(bytes(encode_mask(mask)), 90, 200), mask)
    words = np.arange(90 * 200 * 4) % 251  # no two neighbours are equal
    alpha = words.reshape(90, 200, 4)[..., 3]
    np.testing.assert_array_equal(decode_brush(bytes(encode(words)), 90, 200), alpha >= 128)


@pytest.mark.parametrize("sizes", [(1, 2, 3, 4), (2, 4, 9, 11), (16, 16, 16, 16)])
def test_the_sizes_of_lengths_are_read_from_the_data(sizes):
    words = RNG.choice([0, 255], 6 * 9 * 4, p=[0.9, 0.1])
    alpha = words.reshape(6, 9, 4)[..., 3]
    np.testing.assert_array_equal(decode_brush(bytes(encode(words, sizes)), 6, 9), alpha == 255)


def test_a_stream_worked_out_by_hand():
    """
    1 x 2 pixels, the second one painted: 8 words, of which four 0 and four 255. Lengths have 3, 4,
    8 or 16 bits: 0010 0011 0111 1111. Two repeated words (1) with a length in the first size (00)
    of four, less one (011).
    """
    bits = f"{8:032b}" + "00111" + "0010001101111111" + "100011" + "0" * 8 + "100011" + "1" * 8
    bits += "0" * (-len(bits) % 8)
    data = int(bits, 2).to_bytes(len(bits) // 8, "big")
    assert decode_brush(data, 1, 2).tolist() == [[False, True]]


def test_alpha_alone_decides():
    pixels = [[9, 9, 9, 127], [0, 0, 0, 128], [255, 255, 255, 0]]
    assert decode_brush(bytes(encode(np.ravel(pixels))), 3, 1).tolist() == [
        [False],
        [True],
        [False],
    ]


@pytest.mark.parametrize("data", [b"", b"\0\0", bytes(20)])
def test_what_is_no_stroke_is_refused(data):
    with pytest.raises(ValueError, match="is not of 5 x 7 pixels of 4 bytes: its data begin with"):
        decode_brush(data, 7, 5)


def test_a_stroke_of_another_size_or_cut_short_is_refused():
    data = bytes(encode_mask(RNG.random((7, 5)) < 0.5))
    with pytest.raises(ValueError, match="is not of 7 x 6 pixels"):
        decode_brush(data, 6, 7)
    for length in range(8, len(data) - 1):
        with pytest.raises(ValueError, match="is damaged: its data do not fit"):
            decode_brush(data[:length], 7, 5)
