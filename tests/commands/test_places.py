"""Where results go is looked at before anything else: no work is lost for want of a folder."""

from __future__ import annotations

import pytest

from zs3.commands import blocks, check_dataset, evaluate, profile, report

MISSING = ["--config-file", "missing.yaml"]


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        (report, ["no-evaluation", "--output"]),
        (check_dataset, ["no-dataset", "--json"]),
        (profile, [*MISSING, "--json"]),
        (blocks, [*MISSING, "--output"]),
        (evaluate, ["--predictions", "none", "--dataset", "none", "--output"]),
    ],
    ids=lambda given: getattr(given, "__name__", "").rpartition(".")[2],
)
def test_a_place_that_cannot_be_is_refused_first(command, arguments, tmp_path):
    (tmp_path / "notes").write_text("")
    with pytest.raises(SystemExit, match=r"^error: .* cannot be .*notes\S* is no directory"):
        command.main([*arguments, str(tmp_path / "notes" / "results")])
