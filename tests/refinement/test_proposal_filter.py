"""Empty, void and repeated proposals cost nothing."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from zs3.refinement import ProposalFilter


def masks(*rows: str) -> Tensor:
    """One image of one row of pixels; "x" is inside."""
    return torch.tensor([[[[1.0 if c == "x" else -1.0 for c in row]] for row in rows]])


def test_everything_is_asked_about_unless_told_otherwise() -> None:
    kept, representative = ProposalFilter()(masks("....", "xx..", "xx.."), torch.ones(1, 3))

    assert kept.all()
    assert representative.tolist() == [[0, 1, 2]]


def test_small_and_void_proposals_are_left_out() -> None:
    chosen = ProposalFilter(min_pixels=2, max_void=0.9)
    void = torch.tensor([[0.0, 0.0, 0.95, 0.9]])

    kept, _ = chosen(masks("x...", "xx..", "xx..", "..xx"), void)

    assert kept.tolist() == [[False, True, False, True]]


def test_the_least_void_represents_its_duplicates() -> None:
    void = torch.tensor([[0.5, 0.2, 0.3, 0.1]])
    chosen = ProposalFilter(duplicate_iou=0.75)

    # IoU of the first three: 3/4 between the first two, 1 between the second and the third.
    kept, representative = chosen(masks("xxxx....", "xxx.....", "xxx.....", ".....xxx"), void)

    assert kept.all()
    assert representative.tolist() == [[1, 1, 1, 3]]


def test_who_represents_others_is_asked_itself() -> None:
    # The second overlaps both others by 2/3, the outer ones overlap by a third.
    rows = masks("xxxx....", ".xxxxx..", "..xxxxxx")
    void = torch.tensor([[0.1, 0.2, 0.3]])

    _, representative = ProposalFilter(duplicate_iou=0.5)(rows, void)

    # The first represents the second, which represents the third and so has an opinion of its own.
    assert representative.tolist() == [[0, 1, 1]]


def test_who_is_left_out_represents_nobody() -> None:
    void = torch.tensor([[0.1, 0.99, 0.5]])
    chosen = ProposalFilter(min_pixels=3, max_void=0.9, duplicate_iou=0.5)

    kept, representative = chosen(masks("xx..", "xxx.", "xxx."), void)

    assert kept.tolist() == [[False, False, True]]
    assert representative[0, 2] == 2


def test_empty_masks_are_no_duplicates_of_each_other() -> None:
    _, representative = ProposalFilter(duplicate_iou=0.9)(masks("..", ".."), torch.zeros(1, 2))

    assert representative.tolist() == [[0, 1]]


@pytest.mark.parametrize("options", [{"max_void": 1.5}, {"duplicate_iou": 0.0}])
def test_shares_out_of_range_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="expected"):
        ProposalFilter(**options)


def test_half_precision_counts_the_pixels_of_large_masks_as_well() -> None:
    rows = torch.ones(1, 2, 300, 300)
    with torch.autocast("cpu", torch.float16):
        _, representative = ProposalFilter(duplicate_iou=0.9)(rows, torch.zeros(1, 2))

    assert representative.tolist() == [[0, 0]]
