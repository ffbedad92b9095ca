from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from zs3.images import ImageBatch
from zs3.readout import PixelReadout, RegionReadout
from zs3.refinement import SeenBias
from zs3.regions import Regions
from zs3.scene import Scene
from zs3.vocabulary import Vocabulary

K, GRID = 5, (4, 6)
SIZES = ((13, 17), (16, 10))  # padded to (16, 24)
OUTPUT = (19, 21)
SEEN = (True, False, True, True, False)


@pytest.fixture
def scene() -> Scene:
    regions = Regions.of_pixels(torch.randn(2, 7, *GRID))
    images = ImageBatch(tuple(torch.zeros(3, *size) for size in SIZES), size_divisibility=8)
    return Scene(images, {}, regions, (Vocabulary(tuple("abcde"), SEEN),), torch.tensor([SEEN]))


@pytest.fixture
def grid() -> Tensor:
    return 3 * torch.randn(2, K, *GRID)


def rows(grid: Tensor) -> list[Tensor]:
    """(B, K, h, w) as a naming gives it: (B, N, K)."""
    return [grid.flatten(2).transpose(1, 2)]


def bilinear(maps: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(maps, size, mode="bilinear", align_corners=False)


def activated(maps: Tensor, activation: str) -> Tensor:
    return maps.softmax(1) if activation == "softmax" else maps.sigmoid()


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
@pytest.mark.parametrize("activate_at", ["input", "output"])
@pytest.mark.parametrize("chunk", [2, 5, 64])
def test_the_steps_in_their_order(
    scene: Scene, grid: Tensor, activation: str, activate_at: str, chunk: int
) -> None:
    readout = PixelReadout(
        activation=activation, activate_at=activate_at, bias=SeenBias(gamma=0.4), class_chunk=chunk
    )

    prepared = readout.prepare(scene, rows(grid))

    for image, (height, width) in enumerate(SIZES):
        at_input = bilinear(grid[image : image + 1], (16, 24))[..., :height, :width]
        if activate_at == "input":
            expected = bilinear(activated(at_input, activation), OUTPUT)[0]
        else:
            expected = activated(bilinear(at_input, OUTPUT), activation)[0]
        expected = expected - 0.4 * torch.tensor(SEEN).float()[:, None, None]
        torch.testing.assert_close(readout.read(prepared, image, OUTPUT).scores(), expected)
        torch.testing.assert_close(
            readout.maps(prepared, image, OUTPUT)(slice(3, 5)), expected[3:5]
        )
        assert torch.equal(readout.read(prepared, image, OUTPUT).labels(chunk), expected.argmax(0))


def test_a_grid_that_is_activated_keeps_its_padding(scene: Scene, grid: Tensor) -> None:
    readout = PixelReadout(activation="sigmoid", activate_at="grid")
    prepared = readout.prepare(scene, rows(grid))
    for image in range(2):
        expected = bilinear(grid[image : image + 1].sigmoid(), OUTPUT)[0]
        torch.testing.assert_close(readout.read(prepared, image, OUTPUT).scores(), expected)


def test_of_a_grid_finer_than_its_image_the_first_cells_stay(scene: Scene) -> None:
    fine = torch.randn(2, K, 20, 30)
    regions = Regions.of_pixels(torch.randn(2, 7, 20, 30))
    readout = PixelReadout(activation="sigmoid", activate_at="grid")
    prepared = readout.prepare(replace(scene, regions=regions), rows(fine))
    height, width = SIZES[1]
    expected = bilinear(fine[1:, :, :height, :width].sigmoid(), OUTPUT)[0]
    torch.testing.assert_close(readout.read(prepared, 1, OUTPUT).scores(), expected)


def test_logits_may_stay_logits(scene: Scene, grid: Tensor) -> None:
    readout = PixelReadout(activation="none")
    got = readout.read(readout.prepare(scene, rows(grid)), 0, OUTPUT)
    height, width = SIZES[0]
    expected = bilinear(bilinear(grid[:1], (16, 24))[..., :height, :width], OUTPUT)[0]
    torch.testing.assert_close(got.scores(), expected)
    torch.testing.assert_close(got.softmax(2).scores(), expected.softmax(0))


def test_large_logits_do_not_overflow(scene: Scene, grid: Tensor) -> None:
    readout = PixelReadout(class_chunk=2)

    scores = readout.read(readout.prepare(scene, rows(1000 * grid)), 0, OUTPUT).scores()

    torch.testing.assert_close(scores.sum(0), torch.ones(OUTPUT), atol=1e-3, rtol=0)


class Double(nn.Module):
    def forward(self, scores: Tensor, scene: Scene) -> Tensor:
        assert scores.shape == (2, K, *GRID)
        return 2 * scores


def test_refiners_work_on_the_grid(scene: Scene, grid: Tensor) -> None:
    refined, plain = PixelReadout(refiners=[Double(), Double()]), PixelReadout()

    torch.testing.assert_close(
        refined.read(refined.prepare(scene, rows(grid)), 1, OUTPUT).scores(),
        plain.read(plain.prepare(scene, rows(4 * grid)), 1, OUTPUT).scores(),
    )


def test_the_highest_logit_of_several_groupings(scene: Scene, grid: Tensor) -> None:
    coarse, fine = torch.randn(2, K, 2, 3), torch.randn(2, K, 5, 7)
    several = replace(scene, earlier=tuple(map(Regions.of_pixels, (coarse, fine))))
    logits = [*rows(coarse), *rows(fine), *rows(grid)]

    prepared = PixelReadout(merge="max").prepare(several, logits)

    resized = [bilinear(coarse, GRID), bilinear(fine, GRID), grid]
    torch.testing.assert_close(prepared.scores, torch.stack(resized).amax(0))
    assert torch.equal(PixelReadout().prepare(several, logits).scores, grid)


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_maps_on_the_grid_are_not_resized(scene: Scene, grid: Tensor, activation: str) -> None:
    readout = PixelReadout(activation=activation, bias=SeenBias(gamma=0.4), class_chunk=2)
    images = ImageBatch(tuple(torch.zeros(2, 3, 16, 24)), size_divisibility=8)
    prepared = readout.prepare(replace(scene, images=images), rows(grid))

    expected = activated(grid, activation)[1] - 0.4 * torch.tensor(SEEN).float()[:, None, None]
    torch.testing.assert_close(readout.read_grid(prepared, 1).maps(slice(1, 4)), expected[1:4])
    with pytest.raises(ValueError, match=r"\(13, 17\), padded to \(16, 24\)"):
        readout.read_grid(readout.prepare(scene, rows(grid)), 0)
    with pytest.raises(ValueError, match=r"RegionReadout paints masks .* has no grid of its own"):
        RegionReadout().read_grid(prepared, 0)


def test_void_is_refused(scene: Scene) -> None:
    with pytest.raises(ValueError, match="each of 5 classes, but got 6"):
        PixelReadout().prepare(scene, [torch.zeros(2, 24, K + 1)])


def test_unknown_options_are_refused() -> None:
    with pytest.raises(
        ValueError, match="no activation is called 'relu'; there are softmax, sigmoid"
    ):
        PixelReadout(activation="relu")
    with pytest.raises(ValueError, match="grid, input, output size, not at 'cells'"):
        PixelReadout(activate_at="cells")
    with pytest.raises(ValueError, match="merged by last or max, not by 'mean'"):
        PixelReadout(merge="mean")


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_labels_need_no_activation(scene: Scene, grid: Tensor, activation: str) -> None:
    readout = PixelReadout(activation=activation)
    maps = readout.read(readout.prepare(scene, rows(grid)), 0, OUTPUT)

    assert maps.order is not None
    assert torch.equal(maps.labels(2), maps.scores().argmax(0))


def test_calibrated_labels_do(scene: Scene, grid: Tensor) -> None:
    readout = PixelReadout(bias=SeenBias(gamma=0.2))
    maps = readout.read(readout.prepare(scene, rows(grid)), 0, OUTPUT)

    assert maps.order is None
    assert torch.equal(maps.labels(2), maps.scores().argmax(0))
