"""A small byte-pair vocabulary for open_clip's tokenizer, learned from the words of a world."""

from __future__ import annotations

import gzip
import itertools
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from open_clip.tokenizer import bytes_to_unicode


def learn_merges(words: Iterable[str]) -> list[tuple[str, str]]:
    """Byte-pair merges, most frequent first, until every word is one token."""
    to_symbol = bytes_to_unicode()
    symbols = {
        w: [*(to_symbol[b] for b in w.encode()[:-1]), to_symbol[w.encode()[-1]] + "</w>"]
        for w in words
    }
    merges = []
    while any(len(parts) > 1 for parts in symbols.values()):
        pairs = Counter(pair for parts in symbols.values() for pair in itertools.pairwise(parts))
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        for word, parts in symbols.items():
            joined: list[str] = []
            for part in parts:
                if joined and (joined[-1], part) == best:
                    joined[-1] += part
                else:
                    joined.append(part)
            symbols[word] = joined
    return merges


def write_merges(path: Path, words: Iterable[str]) -> int:
    """
    Writes the merges of `words` as `open_clip.SimpleTokenizer` reads them; any other word falls
    back to pieces, down to bytes.

    Returns:
        int: the size of the vocabulary.
    """
    merges = learn_merges(words)
    # No newline at the end: open_clip would read it as one more merge.
    lines = "\n".join(["#version: shapes", *(" ".join(pair) for pair in merges)])
    path.write_bytes(gzip.compress(lines.encode(), mtime=0))
    return 512 + len(merges) + 2
