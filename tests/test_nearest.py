"""The hint at the end of a refusal."""

from zs3.nearest import did_you_mean


def test_only_near_words_are_offered():
    assert did_you_mean("grss", ["water", "grass"]) == " Did you mean 'grass'?"
    assert did_you_mean("xylophone", ["water", "grass"]) == ""
