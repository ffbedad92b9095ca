"""
Smallest eigenpairs of graph Laplacians, the same on every run.

    (D - W) v = mu D v        with v' D v = 1

is D^-1/2 W D^-1/2 u = (1 - mu) u with v = D^-1/2 u: its largest eigenpairs take a Lanczos iteration
that only multiplies, where the smallest ones of D - W would need a factorisation.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from scipy.linalg import eigh
from scipy.sparse import csr_array
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh
from torch import Tensor

_DENSE = 256  # nodes up to which a whole decomposition, batched, is faster
_WHOLE = 3000  # nodes up to which one is tolerable
_NO_DEGREE = 1e-12


def laplacian_eigenvectors(
    affinity: Tensor, count: int, *, normalised: bool = True
) -> tuple[Tensor, Tensor]:
    """
    Args:
        affinity: W (B, N, N), symmetric.
        count: eigenpairs, the trivial one included.
        normalised: the generalised problem above; else (D - W) v = mu v with v' v = 1.

    Returns:
        eigenvalues (B, count), ascending from those nearest to 0, and eigenvectors (B, count, N),
        each of either sign.

    Raises:
        ValueError: more eigenpairs than nodes; or a large graph in parts that hardly touch.
    """
    nodes = affinity.shape[-1]
    if not 1 <= count <= nodes:
        raise ValueError(
            f"a graph of {nodes} nodes has as many eigenvectors, but {count} were asked for; take "
            "fewer, or a finer grid."
        )
    degree = affinity.sum(-1)
    degree = torch.where(degree < _NO_DEGREE, 1.0, degree)
    if not normalised:
        return nearest_to_zero(torch.diag_embed(degree) - affinity, count)
    root = degree.rsqrt()
    if nodes <= _DENSE or 3 * count > nodes or affinity.amin() < 0:
        scaled = root[:, :, None] * affinity * root[:, None]
        identity = torch.eye(nodes, dtype=affinity.dtype, device=affinity.device)
        values, vectors = nearest_to_zero(identity - scaled, count)
    else:
        pairs = [
            _lanczos(matrix, scale, count)
            for matrix, scale in zip(affinity.cpu().numpy(), root.cpu().numpy(), strict=True)
        ]
        values, vectors = (
            torch.from_numpy(np.stack(each)).to(affinity) for each in zip(*pairs, strict=True)
        )
    return values, vectors * root[:, None]


def nearest_to_zero(matrix: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Eigenpairs of (B, N, N), symmetric, by a whole decomposition in double precision."""
    values, vectors = torch.linalg.eigh(matrix.double())
    chosen = values.abs().sort(dim=-1, stable=True).indices[:, :count].sort(dim=-1).values
    vectors = vectors.mT.gather(1, chosen[..., None].expand(-1, -1, matrix.shape[-1]))
    return values.gather(1, chosen).to(matrix), vectors.to(matrix)


def sparse_eigenvectors(
    affinity: csr_array, count: int, *, normalised: bool = True
) -> tuple[Tensor, Tensor]:
    """
    As `laplacian_eigenvectors` for one sparse W (N, N), of which no dense one is made unless the
    graph is small: values (count,) and vectors (count, N).
    """
    nodes = affinity.shape[0]
    if nodes <= _DENSE or 3 * count > nodes or not normalised:
        dense = torch.from_numpy(affinity.toarray())[None]
        values, vectors = laplacian_eigenvectors(dense, count, normalised=normalised)
        return values[0], vectors[0]
    degree = affinity.sum(1)
    root = np.where(degree < _NO_DEGREE, 1.0, degree).astype(affinity.dtype) ** -0.5
    found, columns = _lanczos(affinity, root, count)
    return torch.from_numpy(found), torch.from_numpy(columns * root)


def _lanczos(
    affinity: np.ndarray | csr_array, root: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """
    (1 - value, vector) of the largest eigenpairs of D^-1/2 W D^-1/2.

    Args:
        affinity: W (N, N).
        root: D^-1/2 (N,). The product is never formed: it would cost as much as the iteration.
    """
    start = np.random.default_rng(0).standard_normal(len(root)).astype(root.dtype)
    product = LinearOperator(
        affinity.shape, matvec=partial(_scaled_product, affinity, root), dtype=root.dtype
    )
    try:
        largest, columns = eigsh(product, count, which="LA", v0=start)
    except ArpackNoConvergence as error:  # parts that hardly touch: eigenvalues without a gap
        if len(root) > _WHOLE:
            raise ValueError(
                f"a graph of {len(root)} nodes falls into parts that hardly touch, so that its "
                "eigenvectors are not defined well; take a coarser grid, or another affinity "
                '(MODEL.SPECTRAL.COLOUR_AFFINITY "knn").'
            ) from error
        dense = affinity.toarray() if isinstance(affinity, csr_array) else affinity
        last = [len(root) - count, len(root) - 1]
        largest, columns = eigh(root[:, None] * dense * root, subset_by_index=last)
    order = np.argsort(-largest, kind="stable")
    return 1 - largest[order], columns[:, order].T.copy()


def _scaled_product(
    affinity: np.ndarray | csr_array, root: np.ndarray, x: np.ndarray
) -> np.ndarray:
    return root * (affinity @ (root * x.ravel()))
