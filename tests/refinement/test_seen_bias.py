import torch
from torch import Tensor

from zs3.images import ImageBatch
from zs3.refinement import SeenBias
from zs3.regions import Regions
from zs3.scene import Scene
from zs3.vocabulary import Vocabulary

B, N, K, H, W = 2, 5, 3, 4, 6
SHARED = torch.tensor([[True, False, True]])
OWN = torch.tensor([[True, False, True], [False, False, True]])


def scene(is_seen: Tensor) -> Scene:
    images = ImageBatch(tuple(torch.zeros(3, H, W) for _ in range(B)))
    names = tuple(Vocabulary(("a", "b", "c"), tuple(row.tolist())) for row in is_seen)
    return Scene(images, {}, Regions(torch.zeros(B, N, 1), (H, W)), names, is_seen)


def test_regions_maps_and_slices_of_maps_lose_the_same() -> None:
    bias = SeenBias(gamma=0.25)
    taken = -0.25 * OWN.float()

    torch.testing.assert_close(
        bias(torch.zeros(B, N, K), scene(OWN)), taken[:, None].expand(B, N, K)
    )
    maps = bias(torch.zeros(B, K, H, W), scene(OWN))
    torch.testing.assert_close(maps, taken[..., None, None].expand(B, K, H, W))
    part = slice(1, 3)
    torch.testing.assert_close(bias(torch.zeros(2, H, W), scene(OWN), 1, part), maps[1, part])


def test_one_vocabulary_serves_every_image() -> None:
    bias = SeenBias(gamma=0.25)

    for image in range(B):
        got = bias(torch.zeros(K, H, W), scene(SHARED), image)
        torch.testing.assert_close(
            got, torch.tensor([-0.25, 0, -0.25])[:, None, None].expand(K, H, W)
        )


def test_nought_costs_nothing() -> None:
    scores = torch.randn(B, N, K)

    assert SeenBias(gamma=0.0)(scores, scene(SHARED)) is scores
