"""Renaming of keys: the first rule that matches wins, and nothing may collide."""

import pytest
import torch

from zs3.checkpoints.key_map import drop, rename


def test_the_first_matching_rule_renames_from_the_start():
    state = {
        "head.conv1.weight": torch.ones(1),
        "head.norm": torch.ones(2),
        "stem.head.x": torch.ones(3),
    }
    rules = [(r"head\.conv(\d)\.", r"conv.\1."), (r"head\.", "other.")]
    renamed = rename(state, rules)
    assert list(renamed) == ["conv.1.weight", "other.norm", "stem.head.x"]
    assert renamed["other.norm"] is state["head.norm"]


def test_two_keys_that_become_one_are_refused():
    with pytest.raises(ValueError, match=r"'a\.w' and 'b\.w' become 'c\.w'"):
        rename({"a.w": torch.ones(1), "b.w": torch.ones(1)}, [(r"[ab]\.", "c.")])


def test_drop_says_why():
    state = {key: torch.ones(1) for key in ("loss.weight", "a.loss.", "a.table", "a.weight")}
    kept, why = drop(
        state, [(r"loss\.", "no loss"), (r".*\.table$", "computed"), (r"a\.t", "last")]
    )
    assert list(kept) == ["a.loss.", "a.weight"]
    assert why == {"loss.weight": "no loss", "a.table": "computed"}
