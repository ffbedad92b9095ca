"""
Label Studio's brush strokes: the run-length encoding of thi.ng/rle-pack.

Its stream of bits, most significant first: 32 bits, the number of words; 5, the bits of a word,
less one; four times 4, the bits of a length, less one, in four sizes. Then chunks: 1 bit, whether
one word is repeated; 2, which size its length has; the length, less one; and the word, or as many
words as the length says.
"""

from __future__ import annotations

import numpy as np

_HEADER = 32 + 5 + 4 * 4  # bits


def decode_brush(data: bytes, height: int, width: int) -> np.ndarray:
    """
    Args:
        data: encodes height x width pixels of red, green, blue and alpha, a byte each.

    Returns:
        np.ndarray: (H, W) bool, where alpha is at least one half.

    Raises:
        ValueError: data that end too early, or belong to another size.
    """
    bits = np.unpackbits(np.frombuffer(data, np.uint8))
    # The head of a chunk and its first word lie within eight bytes, wherever in a byte they start.
    padded = data + bytes(8)

    def read(place: int, count: int) -> int:
        window = int.from_bytes(padded[place >> 3 : (place >> 3) + 8], "big")
        return window >> (64 - (place & 7) - count) & ((1 << count) - 1)

    values = height * width * 4
    if bits.size < _HEADER or (read(0, 32), read(32, 5)) != (values, 7):
        raise ValueError(
            f"a brush stroke is not of {width} x {height} pixels of 4 bytes: its data begin with "
            f"{data[:5].hex() or 'nothing'}."
        )
    length_bits = [read(37 + 4 * i, 4) + 1 for i in range(4)]
    words = np.empty(values, np.uint8)
    done, place = 0, _HEADER
    while done < values:
        head = read(place, 3)
        is_repeated, size = head & 4, length_bits[head & 3]
        length = read(place + 3, size) + 1
        first, place = place + 3 + size, place + 3 + size + 8 * (1 if is_repeated else length)
        if place > bits.size or done + length > values:
            raise ValueError("a brush stroke is damaged: its data do not fit its number of pixels.")
        words[done : done + length] = (
            read(first, 8) if is_repeated else np.packbits(bits[first:place])
        )
        done += length
    return words.reshape(height, width, 4)[..., 3] >= 128
