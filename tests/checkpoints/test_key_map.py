"""Renaming of keys: the first rule that matches wins, and nothing may collide."""

import pytest
import torch

from zs3.checkpoints.key_map import rename


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
