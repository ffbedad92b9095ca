import numpy as np

from zs3.spectral.colour import PASSES, knn_affinity, rw_affinity


def image(height: int = 6, width: int = 7) -> np.ndarray:
    return np.random.default_rng(0).random((height, width, 3))


def test_neighbours_are_those_of_a_brute_force_search():
    colours = image()
    y, x = np.mgrid[0:1:6j, 0:1:7j]
    expected = np.zeros((42, 42))
    for count, weight in PASSES:
        points = np.dstack((colours, weight * x, weight * y)).reshape(42, 5).astype(np.float32)
        distance = np.square(points[:, None] - points).sum(-1)
        for i, near in enumerate(np.argsort(distance, 1)[:, :count]):
            expected[i, near] += 1
            expected[near, i] += 1
    np.testing.assert_array_equal(knn_affinity(colours).toarray(), expected)


def test_every_pixel_is_its_own_neighbour_four_times():
    affinity = knn_affinity(image()).toarray()
    assert (np.diag(affinity) == 4).all() and affinity.sum() == 60 * 42
    np.testing.assert_array_equal(affinity, affinity.T)


def test_adjacent_pixels_of_one_colour_and_the_border():
    affinity = rw_affinity(np.ones((3, 4, 3))).toarray()
    assert affinity[0, 0] == 4 and affinity[1, 1] == 2 and affinity[5, 5] == 1
    assert affinity[5, 6] == 1 and affinity[0, 2] == 0
    assert affinity.sum() == 9 * 12
    other = np.ones((3, 4, 3))
    other[1, 1, 0] -= 0.1
    np.testing.assert_allclose(rw_affinity(other).toarray()[5, 6], np.exp(-9.0), rtol=1e-5)
