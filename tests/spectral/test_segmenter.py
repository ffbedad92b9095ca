from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from zs3.backbone.vit import ViT, dino_bicubic
from zs3.config import get_config
from zs3.data.reading import read_label
from zs3.evaluation.masks import MaskFolder
from zs3.spectral import SpectralGraph, binary_masks, enlarged, minority_positive
from zs3.spectral.dino import DinoKeys
from zs3.spectral.folder import make_masks
from zs3.spectral.segmenter import EigenSegmenter, build_segmenter
from zs3.spectral.store import VectorCache, read_masks, read_vectors, write_vectors

OPTIONS = ["MODEL.SPECTRAL.STRIDE", "4", "MODEL.SPECTRAL.COUNT", "2"]


def picture(height: int = 36, width: int = 48) -> np.ndarray:
    """A red square on blue."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[..., 2] = 200
    pixels[8:24, 12:28] = (220, 20, 20)
    return pixels


def chw(pixels: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(pixels).permute(2, 0, 1)


def dino() -> DinoKeys:
    torch.manual_seed(0)
    vit = ViT(dim=12, heads=2, patch=8, depth=2, image_size=32, resize_positions=dino_bicubic)
    return DinoKeys(vit).eval()


def test_colours_tell_a_square_from_what_is_around_it():
    segmenter = build_segmenter(get_config(opts=OPTIONS))
    vectors = segmenter(chw(picture()))
    assert vectors.shape == (2, 9, 12)
    inside = torch.zeros(9, 12, dtype=torch.bool)
    inside[2:6, 3:7] = True
    assert torch.equal(vectors[0] > vectors[0].max() / 2, inside)


def test_the_smaller_side_is_positive():
    vectors = torch.tensor([[1.0, 1.0, 1.0, -1.0], [1.0, -1.0, -1.0, -1.0], [1.0, 1.0, -1.0, -1.0]])
    turned = minority_positive(vectors)
    assert turned.tolist() == [(-vectors[0]).tolist(), vectors[1].tolist(), vectors[2].tolist()]
    assert (minority_positive(torch.ones(1, 4)) == 1).all()
    assert binary_masks(turned, (2, 2)).shape == (3, 2, 2)


def test_the_graph_may_be_finer_than_the_features():
    for stride, grid in ((0, (4, 6)), (4, (8, 12))):
        segmenter = EigenSegmenter(graph=SpectralGraph(count=3), features=dino(), stride=stride)
        assert segmenter(chw(picture())).shape == (2, *grid)


def test_masks_of_whole_patches_lie_where_the_patches_are():
    segmenter = EigenSegmenter(graph=SpectralGraph(count=3), features=dino(), stride=0)
    masks = segmenter.masks(picture(), (36, 48))
    vectors = segmenter(chw(picture()))
    assert masks.shape == (2, 36, 48)
    blocks = masks[:, :32].reshape(2, 4, 8, 6, 8)
    np.testing.assert_array_equal(blocks.all((2, 4)), (vectors > 0).numpy())
    np.testing.assert_array_equal(blocks.any((2, 4)), blocks.all((2, 4)))
    stretched = F.interpolate(vectors[None], (36, 48), mode="nearest")[0] > 0
    np.testing.assert_array_equal(masks[:, 32:], stretched[:, 32:])


def test_masks_may_be_cut_from_smooth_vectors():
    vectors = torch.tensor([[[3.0, -1.0]]])
    assert enlarged(vectors, (1, 8), (1, 8)).tolist() == [[4 * [True] + 4 * [False]]]
    # Their zero lies 3/4 of the way from one centre, at 1.5, to the next, at 5.5.
    assert enlarged(vectors, (1, 8), (1, 8), "bilinear").tolist() == [[5 * [True] + 3 * [False]]]
    options = [*OPTIONS, "MODEL.SPECTRAL.ENLARGEMENT", "bilinear"]
    smooth, sharp = (build_segmenter(get_config(opts=own)) for own in (options, OPTIONS))
    masks = [segmenter.masks(picture(), (36, 48)) for segmenter in (smooth, sharp)]
    assert masks[0].shape == masks[1].shape and (masks[0] != masks[1]).any()


def test_given_features_count():
    graph = SpectralGraph(count=2)
    features = torch.zeros(2, 4, 6)
    features[0, :, :2], features[1, :, 2:] = 1.0, 1.0
    vectors = EigenSegmenter(graph=graph, stride=0)(chw(picture()), features + 0.1)
    assert torch.equal(vectors[0] > 0, features[0] > 0)


def test_the_model_is_not_asked_for_masks_of_an_image_alone():
    segmenter = EigenSegmenter(graph=SpectralGraph())
    with pytest.raises(ValueError, match="cannot be made of the model's backbone; set MODEL"):
        segmenter.masks(picture(), (36, 48))


def test_what_was_met_before_is_remembered(tmp_path):
    asked = []

    class Counted(EigenSegmenter):
        def grid(self, *args):
            asked.append(args)
            return super().grid(*args)

    cache = VectorCache(tmp_path / "cache", "test")
    graph = SpectralGraph(count=3, colour_weight=1.0)
    segmenter = Counted(graph=graph, stride=4, cache=cache)
    first, second = segmenter(chw(picture())), segmenter(chw(picture()))
    assert len(asked) == 1 and torch.equal(first, second)
    segmenter(chw(picture()) + 1)
    assert len(asked) == 2
    for file in (tmp_path / "cache").iterdir():
        file.write_bytes(b"torn")
    assert torch.equal(segmenter(chw(picture())), first) and len(asked) == 3


def test_files_of_vectors_know_what_their_cells_cover(tmp_path):
    vectors = torch.randn(2, 4, 6, generator=torch.Generator().manual_seed(0))
    write_vectors(tmp_path / "a.npz", vectors.numpy(), (32 / 36, 1.0))
    expected = enlarged(vectors, (32, 48), (36, 48)).numpy()
    np.testing.assert_array_equal(read_masks(tmp_path / "a.npz", (36, 48)), expected)
    segmenter = EigenSegmenter(graph=SpectralGraph(count=3), features=dino(), stride=0)
    assert segmenter.covered((36, 48)) == (32 / 36, 1.0)


@pytest.mark.parametrize("layout", ["published", "compact"])
def test_a_folder_is_made_once_and_read_by_the_oracle(tmp_path: Path, layout):
    for name in ("a", "b"):
        Image.fromarray(picture()).save(tmp_path / f"{name}.png")
    files, out = sorted(tmp_path.glob("*.png")), tmp_path / "out"
    assert make_masks(files[:1], out, OPTIONS, layout=layout).done == 1
    assert make_masks(files, out, OPTIONS, layout=layout).done == 1
    assert make_masks(files, out, OPTIONS, layout=layout, force=True).done == 2
    masks = MaskFolder(out)(str(files[0]), picture(), (36, 48))
    expected = build_segmenter(get_config(opts=OPTIONS)).masks(picture(), (36, 48))
    np.testing.assert_array_equal(masks, expected)
    if layout == "published":
        assert set(np.unique(read_label(out / "a_k1.png"))) == {0, 255}
    else:
        assert read_vectors(out / "a.npz").shape == (2, 9, 12)


def test_refusals(tmp_path):
    with pytest.raises(ValueError, match="several images are called 'a'; give one folder"):
        make_masks([tmp_path / "x/a.png", tmp_path / "y/a.png"], tmp_path)
    with pytest.raises(ValueError, match=r"FEATURES is 'dino'; expected one of colour, backbone"):
        build_segmenter(get_config(opts=["MODEL.SPECTRAL.FEATURES", "dino"]))
    with pytest.raises(ValueError, match=r"ENLARGEMENT is 'cubic'; expected nearest or bilinear"):
        build_segmenter(get_config(opts=["MODEL.SPECTRAL.ENLARGEMENT", "cubic"]))
    with pytest.raises(ValueError, match="FEATURES is colour, but COLOUR_WEIGHT is 0"):
        build_segmenter(get_config(opts=["MODEL.SPECTRAL.COLOUR_WEIGHT", "0.0"]))
    with pytest.raises(
        FileNotFoundError, match=r"has no masks a_k0.png, .*; datasets/prepare/spectral_"
    ):
        MaskFolder(tmp_path)("a.jpg", picture(), (36, 48))
    (tmp_path / "b.npz").write_bytes(b"torn")
    with pytest.raises(ValueError, match=r"b.npz holds no eigenvectors .* make it again"):
        read_vectors(tmp_path / "b.npz")
    with pytest.raises(ValueError, match="there is no 'dino_vits14'; DINO's models are dino_v"):
        DinoKeys.of_file("dino_vits14", tmp_path / "b.npz")


def test_colours_need_an_image():
    with pytest.raises(ValueError, match="counts colours, but has no image or no grid"):
        SpectralGraph(colour_weight=1.0).eigenvectors(None)
