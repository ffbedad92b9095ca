import numpy as np
import pytest
import torch
from scipy.linalg import eigh
from scipy.sparse import csr_array, diags_array
from scipy.sparse.linalg import ArpackNoConvergence

from zs3.spectral import eigen, laplacian_eigenvectors
from zs3.spectral.eigen import _DENSE


def blocks(nodes: int, seed: int = 0) -> np.ndarray:
    """Three groups of alike nodes."""
    generator = torch.Generator().manual_seed(seed)
    points = torch.randn(nodes, 8, generator=generator) / 3
    points[torch.arange(nodes), torch.arange(nodes) % 3] += 1 + torch.arange(nodes) % 3
    points = torch.nn.functional.normalize(points, dim=1)
    return (points @ points.T).clamp(min=0).numpy()


@pytest.mark.parametrize("nodes", [40, _DENSE + 50])
@pytest.mark.parametrize("normalised", [True, False])
def test_they_solve_the_problem_that_is_stated(nodes, normalised):
    affinity = blocks(nodes)
    values, vectors = laplacian_eigenvectors(affinity, 4, normalised=normalised)
    degree = np.diag(affinity.astype(np.float64).sum(1))
    laplacian = degree - affinity
    right = degree if normalised else np.eye(nodes)
    expected = eigh(laplacian, right, eigvals_only=True)[:4]
    np.testing.assert_allclose(values, expected, atol=2e-5 * max(1, expected[-1]))
    v = vectors.double().numpy()
    np.testing.assert_allclose(v @ right @ v.T, np.eye(4), atol=1e-3)
    residual = laplacian @ v.T - right @ v.T * values.numpy()
    assert abs(residual).max() < 1e-3


@pytest.mark.parametrize("made", [np.asarray, csr_array])
def test_the_first_is_constant_and_every_run_gives_the_same_bytes(made):
    affinity = made(blocks(_DENSE + 20))
    values, vectors = laplacian_eigenvectors(affinity, 3)
    assert abs(values[0]) < 1e-6 and vectors[0].std() < 1e-5
    assert torch.equal(laplacian_eigenvectors(affinity, 3)[1], vectors)


def test_a_node_without_neighbours_is_no_division_by_zero():
    affinity = blocks(12)
    affinity[3] = affinity[:, 3] = 0
    assert torch.isfinite(laplacian_eigenvectors(affinity, 3)[1]).all()


def test_there_are_no_more_than_nodes():
    with pytest.raises(ValueError, match="a graph of 5 nodes has as many eigenvectors, but 6"):
        laplacian_eigenvectors(blocks(5), 6)


@pytest.mark.parametrize("nodes", [40, _DENSE + 50])
def test_of_a_sparse_graph_they_are_those_of_the_dense_one(nodes):
    affinity = blocks(nodes)
    affinity[affinity < 0.6] = 0
    values, vectors = laplacian_eigenvectors(csr_array(affinity), 3)
    expected, whole = laplacian_eigenvectors(affinity, 3)
    torch.testing.assert_close(values, expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(vectors[1:].abs(), whole[1:].abs(), atol=2e-4, rtol=0)


def test_a_chain_of_many_nodes_is_solved_to_single_precision():
    """Its eigenvalues, 1 - cos(pi k / (N - 1)), are near to 0 and to each other."""
    nodes = _DENSE + 150
    chain = diags_array([np.ones(nodes - 1)] * 2, offsets=[-1, 1], format="csr").astype(np.float32)
    values, vectors = laplacian_eigenvectors(csr_array(chain), 5)
    angles = np.pi * np.arange(5) / (nodes - 1)
    np.testing.assert_allclose(values, 1 - np.cos(angles), atol=1e-9)
    waves = np.cos(np.outer(angles, np.arange(nodes)))
    waves /= np.sqrt((waves**2 * chain.sum(1)).sum(1, keepdims=True))
    np.testing.assert_allclose(vectors.abs(), abs(waves), atol=1e-5 * waves.max())


def test_parts_that_hardly_touch_are_decomposed_as_a_whole(monkeypatch):
    """What Lanczos cannot tell apart; it gives up after very many iterations."""
    affinity = blocks(_DENSE + 20)
    expected = laplacian_eigenvectors(affinity, 3)

    def gives_up(*arguments, **options):
        raise ArpackNoConvergence("none", np.empty(0), np.empty((0, 0)))

    monkeypatch.setattr(eigen, "eigsh", gives_up)
    values, vectors = laplacian_eigenvectors(affinity, 3)
    torch.testing.assert_close(values, expected[0], atol=1e-5, rtol=0)
    torch.testing.assert_close(vectors.abs(), expected[1].abs(), atol=2e-4, rtol=0)
    monkeypatch.setattr(eigen, "_WHOLE", 100)
    with pytest.raises(ValueError, match="a graph of 276 nodes falls into parts that hardly touch"):
        laplacian_eigenvectors(affinity, 3)
