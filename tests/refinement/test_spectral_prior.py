import pytest
import torch

from zs3.images import ImageBatch
from zs3.readout import RegionReadout
from zs3.refinement import SpectralPrior
from zs3.regions import Regions
from zs3.scene import Scene
from zs3.spectral import SpectralGraph
from zs3.spectral.fusion import FUSIONS
from zs3.spectral.segmenter import EigenSegmenter
from zs3.vocabulary import Vocabulary

NAMES = Vocabulary.of(["a", "b"])


def scene(*sizes: tuple[int, int], features=None, masks=None) -> Scene:
    torch.manual_seed(1)
    images = []
    for height, width in sizes:
        image = torch.full((3, height, width), 60.0)
        image[0, height // 4 : height // 2, width // 4 :] = 200.0
        images.append(image + torch.rand(3, height, width))
    batch = ImageBatch(tuple(images), 32)
    regions = Regions(torch.zeros(len(sizes), 3, 4), (8, 8), masks)
    return Scene(batch, features or {}, regions, (NAMES,), torch.tensor([[True, False]]))


def prior(fusion: str = "region_voting", **options) -> SpectralPrior:
    graph = SpectralGraph(count=4, colour_weight=1.0)
    segmenter = EigenSegmenter(graph=graph, stride=options.pop("stride", 4))
    return SpectralPrior(segmenter=segmenter, fusion=fusion, **options)


@pytest.mark.parametrize("fusion", FUSIONS)
def test_an_image_does_not_depend_on_the_others_of_its_batch(fusion):
    sizes = [(64, 64), (64, 64)]
    both, maps = scene(*sizes), torch.randn(2, 2, 16, 16)
    options = {"strength": 0.1} if fusion == "best_overlap" else {}
    refined = prior(fusion, **options)(maps, both)
    for i, image in enumerate(both.images.images):
        alone = Scene(ImageBatch((image,), 32), {}, both.regions, (NAMES,), both.is_seen)
        torch.testing.assert_close(prior(fusion, **options)(maps[i : i + 1], alone)[0], refined[i])
    assert not torch.equal(refined, maps)


def test_maps_become_as_fine_as_the_graph_and_never_coarser():
    maps = torch.randn(1, 2, 8, 8)
    assert prior(stride=4)(maps, scene((64, 64))).shape == (1, 2, 16, 16)
    assert prior(stride=16)(maps, scene((64, 64))).shape == (1, 2, 8, 8)


def test_padding_is_left_alone():
    maps = torch.randn(1, 2, 16, 16)
    refined = prior()(maps, scene((40, 64)))
    assert torch.equal(refined[:, :, 10:], maps[:, :, 10:])


def test_the_graph_may_be_the_backbones():
    features = {"res3": torch.rand(1, 5, 16, 16) + 0.1}
    segmenter = EigenSegmenter(graph=SpectralGraph(count=3), stride=0)
    of_backbone = SpectralPrior(segmenter=segmenter, feature="res3")
    maps = torch.randn(1, 2, 16, 16)
    refined = of_backbone(maps, scene((64, 64), features=features))
    assert refined.shape == maps.shape and not torch.equal(refined, maps)
    with pytest.raises(ValueError, match=r"FEATURE is 'res3', but the backbone gives res5"):
        of_backbone(maps, scene((64, 64), features={"res5": features["res3"]}))


def test_proposals_have_their_masks_refined():
    masks = torch.randn(1, 3, 16, 16)
    given, logits = scene((64, 64), masks=masks), [torch.randn(1, 3, 3)]
    prepared = RegionReadout(refiners=[prior()]).prepare(given, logits)
    plain = RegionReadout().prepare(given, logits)
    assert not torch.equal(prepared.scene.regions.masks, plain.scene.regions.masks)
    assert torch.equal(prepared.scores, plain.scores)
    unrefined = RegionReadout(refiners=[prior(strength=0.0)]).prepare(given, logits)
    torch.testing.assert_close(unrefined.scene.regions.masks, plain.scene.regions.masks)
