from __future__ import annotations

import pytest
import torch

from zs3.generation.blocks import assemble, centres, cut, enough_unseen, few_classes, fill
from zs3.generation.features import Blocks, SinglePixels, class_prior
from zs3.vocabulary import IGNORE

UNSEEN = torch.tensor([False, False, True])


def test_unseen_classes_are_drawn_more_often():
    torch.testing.assert_close(class_prior(UNSEEN, 2.0), torch.tensor([0.2, 0.2, 0.6]))
    torch.manual_seed(0)
    layout = SinglePixels(UNSEEN, 2.0)(2, (50, 40), 3)
    assert layout.labels.shape == (2, 2000) and layout.noise.shape == (2, 2000, 3)
    assert (layout.labels == 2).float().mean().item() == pytest.approx(0.6, abs=0.03)
    assert layout.counted.all()


def test_blocks_are_cut_and_put_together_again():
    labels = torch.arange(2 * 6 * 9).view(2, 6, 9)
    blocks = cut(labels, 3)
    assert blocks.shape == (12, 3, 3)
    assert torch.equal(assemble(blocks.unflatten(0, (2, 6)), (6, 9)), labels)


def test_ignored_pixels_are_filled_from_below_first_and_ignored_blocks_left_out():
    block = torch.tensor([[[1, IGNORE, 2], [1, 5, 2], [IGNORE, 7, 2]]])
    assert fill(block, 1).tolist() == [[[1, 5, 2], [1, 5, 2], [1, 7, 2]]]
    assert len(cut(torch.full((1, 6, 3), IGNORE), 3)) == 0


def test_blocks_are_chosen_by_their_classes():
    blocks = torch.tensor([[[0, 1], [2, 2]], [[2, 2], [2, 2]]])
    assert enough_unseen(blocks, UNSEEN, 3).tolist() == [False, True]
    assert few_classes(blocks, 2).tolist() == [False, True]


def test_a_layout_of_blocks_has_one_noise_a_block_and_counts_centres():
    torch.manual_seed(0)
    blocks = torch.arange(8).view(8, 1, 1).expand(8, 3, 3)
    layout = Blocks(blocks)(1, (6, 9), 2)
    assert layout.counted.sum() == 6
    assert torch.equal(layout.counted, centres((6, 9), 3))
    middle = layout.labels[0, layout.counted]
    assert len(middle.unique()) == 6  # none is taken twice
    noise = layout.noise[0].view(2, 3, 3, 3, 2)
    assert torch.equal(noise, noise[:, 1:2, :, 1:2].expand_as(noise))


def test_blocks_that_do_not_fill_a_grid_are_refused():
    with pytest.raises(ValueError, match=r"2 blocks of side 3 do not fill a grid of \(7, 6\)"):
        Blocks(torch.zeros(2, 3, 3, dtype=torch.long))(1, (7, 6), 2)
    with pytest.raises(ValueError, match=r"\(0, 3, 3\)"):
        Blocks(torch.zeros(0, 3, 3, dtype=torch.long))
