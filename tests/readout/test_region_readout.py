import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from zs3.images import ImageBatch
from zs3.readout import RegionReadout
from zs3.refinement import SeenBias
from zs3.regions import Regions
from zs3.scene import Scene
from zs3.vocabulary import Vocabulary

N, K = 5, 3
SIZES = ((13, 17), (16, 10))  # padded to (16, 24)
OUTPUT = (9, 21)


def scene(masks: Tensor | None) -> Scene:
    regions = Regions(torch.randn(2, N, 4), grid=(4, 6), masks=masks)
    images = ImageBatch(tuple(torch.zeros(3, *size) for size in SIZES), size_divisibility=8)
    is_seen = torch.tensor([[True, False, True]])
    return Scene(images, {}, regions, (Vocabulary(("a", "b", "c"), (True, False, True)),), is_seen)


def bilinear(maps: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(maps, size, mode="bilinear", align_corners=False)


@pytest.fixture
def masks() -> Tensor:
    return 4 * torch.randn(2, N, 4, 6)


@pytest.fixture
def logits() -> list[Tensor]:
    return [torch.zeros(2, N, K + 1), torch.randn(2, N, K + 1)]


def test_the_steps_in_their_order(masks: Tensor, logits: list[Tensor]) -> None:
    readout = RegionReadout(bias=SeenBias(gamma=0.5))
    p = logits[-1].softmax(-1)[..., :K]
    painted = torch.einsum("bnk,bnhw->bkhw", p, bilinear(masks, (16, 24)).sigmoid())

    prepared = readout.prepare(scene(masks), logits)

    for image, (height, width) in enumerate(SIZES):
        expected = bilinear(painted[image : image + 1, :, :height, :width], OUTPUT)[0]
        expected = expected - torch.tensor([0.5, 0, 0.5])[:, None, None]
        torch.testing.assert_close(readout.read(prepared, image, OUTPUT).scores(), expected)
        assert torch.equal(
            readout.read(prepared, image, OUTPUT).labels(chunk=2), expected.argmax(0)
        )


def test_painting_at_the_output_resizes_the_masks_logits(
    masks: Tensor, logits: list[Tensor]
) -> None:
    readout = RegionReadout(paint_at_output=True)
    p = logits[-1].softmax(-1)[..., :K]
    height, width = SIZES[0]
    resized = bilinear(bilinear(masks, (16, 24))[..., :height, :width], OUTPUT)

    got = readout.read(readout.prepare(scene(masks), logits), 0, OUTPUT).scores()

    torch.testing.assert_close(got, torch.einsum("nk,nhw->khw", p[0], resized[0].sigmoid()))


def test_a_slice_of_maps_is_a_slice_of_all_maps(masks: Tensor, logits: list[Tensor]) -> None:
    readout = RegionReadout(bias=SeenBias(gamma=0.5))
    prepared = readout.prepare(scene(masks), logits)

    part = readout.maps(prepared, 1, OUTPUT)(slice(1, 3))

    torch.testing.assert_close(part, readout.read(prepared, 1, OUTPUT).scores()[1:3])


class Recorder(nn.Module):
    """A region refiner that returns what it is told to, and keeps what it was given."""

    def __init__(self, scores: Tensor | None = None) -> None:
        super().__init__()
        self.returns = scores

    def forward(self, scores: Tensor, scene: Scene) -> Tensor:
        self.scores, self.scene = scores, scene
        return scores + 1 if self.returns is None else self.returns


def test_refiners_get_logits_with_void_and_masks_of_the_input_size(
    masks: Tensor, logits: list[Tensor]
) -> None:
    first, second = Recorder(), Recorder()

    RegionReadout(refiners=[first, second]).prepare(scene(masks), logits)

    assert torch.equal(first.scores, logits[-1])
    assert torch.equal(second.scores, logits[-1] + 1)
    torch.testing.assert_close(first.scene.regions.masks, bilinear(masks, (16, 24)))
    assert first.scene.regions.grid == (16, 24)


def test_scores_without_void_are_taken_as_they_are(masks: Tensor, logits: list[Tensor]) -> None:
    scores = torch.randn(2, N, K)

    assert torch.equal(
        RegionReadout(refiners=[Recorder(scores)]).prepare(scene(masks), logits).scores, scores
    )


class OneMore(nn.Module):
    """A residual proposal that covers everything."""

    def forward(self, masks: Tensor, logits: Tensor, sizes: tuple) -> tuple[Tensor, Tensor]:
        assert sizes == SIZES
        everything = masks.new_full((len(masks), 1, *masks.shape[2:]), 50.0)
        return torch.cat((masks, everything), 1), F.pad(logits, (0, 0, 0, 1))


def test_the_residual_proposal_is_refined_and_painted(masks: Tensor, logits: list[Tensor]) -> None:
    recorder = Recorder()
    readout = RegionReadout(refiners=[recorder], residual=OneMore())
    without = RegionReadout(refiners=[Recorder()])

    prepared = readout.prepare(scene(masks), logits)

    assert recorder.scores.shape == (2, N + 1, K + 1)
    assert recorder.scene.regions.masks.shape == (2, N + 1, 16, 24)
    assert recorder.scene.regions.embeddings.shape == (2, N + 1, 4)
    before = without.read(without.prepare(scene(masks), logits), 0, OUTPUT).scores()
    torch.testing.assert_close(readout.read(prepared, 0, OUTPUT).scores(), before + 1 / (K + 1))


def test_pixels_are_refused(logits: list[Tensor]) -> None:
    with pytest.raises(ValueError, match=r"these regions are pixels.*PixelReadout"):
        RegionReadout().prepare(scene(None), logits)


def test_logits_without_void_are_refused(masks: Tensor) -> None:
    with pytest.raises(ValueError, match="3 classes and void, 4 columns, but got 3"):
        RegionReadout().prepare(scene(masks), [torch.zeros(2, N, K)])
