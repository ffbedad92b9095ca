import numpy as np
import pytest
import torch
from scipy.linalg import eigh
from torch.nn import functional as F

from zs3.spectral import SpectralGraph
from zs3.spectral.colour import knn_affinity
from zs3.spectral.graph import inner_products, small_image


@pytest.mark.parametrize("grid", [(5, 4), (11, 8), (9, 5), (3, 2), (2, 9)])
def test_inner_products_are_those_of_resized_features(grid):
    maps = torch.randn(7, 5, 4, generator=torch.Generator().manual_seed(0))
    rows = F.interpolate(maps[None], grid, mode="bilinear", align_corners=False)[0].flatten(1).mT
    got = inner_products(maps, grid)
    np.testing.assert_allclose(got, rows @ rows.mT, atol=2e-6)


def test_colours_are_added_to_what_features_say():
    generator = torch.Generator().manual_seed(0)
    features = torch.rand(1, 3, 18, 16, generator=generator)
    image = torch.randint(0, 256, (36, 48, 3), generator=generator).byte().numpy()
    values, vectors = SpectralGraph(count=3, colour_weight=0.5).eigenvectors(features, [image])
    rows = F.normalize(features, dim=1)[0].flatten(1).mT.double().numpy()
    affinity = rows @ rows.T + 0.5 * knn_affinity(small_image(image, (18, 16))).toarray()
    degree = np.diag(affinity.sum(1))
    expected, columns = eigh(degree - affinity, degree, subset_by_index=[0, 2])
    np.testing.assert_allclose(values[0], expected, atol=1e-5)
    np.testing.assert_allclose(vectors[0, 1:].abs(), abs(columns.T[1:]), atol=2e-5)


def test_images_do_not_change_each_other():
    features = torch.rand(2, 3, 18, 16, generator=torch.Generator().manual_seed(0))
    graph = SpectralGraph(count=3)
    both = graph.eigenvectors(features)[1]
    torch.testing.assert_close(both[1:], graph.eigenvectors(features[1:])[1])
