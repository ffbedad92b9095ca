"""An encoder of Label Studio's brush strokes, from the description in @thi.ng/rle-pack's README."""

from __future__ import annotations

from itertools import groupby

import numpy as np

SIZES = (3, 4, 8, 16)


def encode(words, sizes=SIZES):
    """Bytes -> the encoding, as a list of numbers as in Label Studio's JSON."""
    words = [int(word) for word in words]
    bits = [f"{len(words):032b}", f"{8 - 1:05b}", *(f"{size - 1:04b}" for size in sizes)]
    single = []

    def chunk(values, flag, length):
        kind = next(i for i, size in enumerate(sizes) if length <= 1 << size)
        bits.append(f"{flag:01b}{kind:02b}{length - 1:0{sizes[kind]}b}")
        bits.extend(f"{value:08b}" for value in values)

    def flush():
        for start in range(0, len(single), 1 << sizes[-1]):
            values = single[start : start + (1 << sizes[-1])]
            chunk(values, 0, len(values))
        single.clear()

    for word, run in groupby(words):
        count = len(list(run))
        if count == 1:
            single.append(word)
            continue
        flush()
        while count:
            length = min(count, 1 << sizes[-1])
            chunk([word], 1, length)
            count -= length
    flush()
    text = "".join(bits)
    text += "0" * (-len(text) % 8)
    return [int(text[i : i + 8], 2) for i in range(0, len(text), 8)]


def encode_mask(mask):
    """(H, W) bool -> as Label Studio's canvas: four equal bytes a pixel."""
    return encode(np.repeat(np.asarray(mask).ravel() * 255, 4))
