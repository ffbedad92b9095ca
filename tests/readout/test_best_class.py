import pytest
import torch

from zs3.readout import best_class


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 10])
def test_any_chunk_gives_the_argmax(chunk: int) -> None:
    scores = torch.randn(7, 4, 5)

    assert torch.equal(best_class(scores.__getitem__, 7, chunk), scores.argmax(0))


@pytest.mark.parametrize("chunk", [1, 2, 5])
def test_the_lowest_class_wins_a_tie(chunk: int) -> None:
    scores = torch.tensor([0.0, 1.0, 0.5, 1.0, 1.0])[:, None, None]

    assert best_class(scores.__getitem__, 5, chunk).item() == 1


def test_an_empty_chunk_is_refused() -> None:
    with pytest.raises(ValueError, match=r"chunk is 0; set TEST\.CLASS_CHUNK"):
        best_class(torch.zeros(3, 1, 1).__getitem__, 3, 0)
