"""A vocabulary in which known words are one token and any other still encodes."""

from __future__ import annotations

import open_clip

from zs3.text.merges import learn_merges, write_merges


def test_the_most_frequent_pair_is_merged_first_and_words_end_whole():
    # "ab" begins two words; after it both are one merge from whole, in the order of the alphabet.
    assert learn_merges(["abc", "abd"]) == [("a", "b"), ("ab", "c</w>"), ("ab", "d</w>")]


def test_open_clip_reads_what_is_written(tmp_path):
    path = tmp_path / "bpe_merges.txt.gz"
    size = write_merges(path, ["red", "ring"])
    tokenizer = open_clip.SimpleTokenizer(str(path), context_length=8)
    assert tokenizer.vocab_size == size
    known, unknown = tokenizer.encode("red ring"), tokenizer.encode("green")
    assert len(known) == 2 and len(unknown) > 1
    assert tokenizer.decode(unknown).strip() == "green"
