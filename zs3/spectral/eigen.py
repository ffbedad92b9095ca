"""
Smallest eigenpairs of graph Laplacians, the same on every run.

    (D - W) v = mu D v        with v' D v = 1

is D^-1/2 W D^-1/2 u = (1 - mu) u with v = D^-1/2 u: its largest eigenpairs take a Lanczos iteration
that only multiplies, where the smallest ones of D - W would need a factorisation.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from scipy.linalg import eigh, get_blas_funcs
from scipy.sparse import csr_array
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh
from torch import Tensor

Product = Callable[[np.ndarray], np.ndarray]

_DENSE = 256  # nodes up to which a whole decomposition is faster
_WHOLE = 3000  # nodes up to which one is tolerable
_NO_DEGREE = 1e-12
_TOLERANCE = 1e-6  # of Lanczos; vectors are then right to some 1e-5


def laplacian_eigenvectors(
    affinity: np.ndarray | csr_array, count: int, *, normalised: bool = True
) -> tuple[Tensor, Tensor]:
    """
    Args:
        affinity: W (N, N), symmetric. Of a large sparse one no dense one is made, and it is solved
            in double precision: single is short for eigenvalues as near to 0 as those of colours
            are, and of a dense one takes half of the time.
        count: eigenpairs, the trivial one included.
        normalised: the generalised problem above; else (D - W) v = mu v with v' v = 1.

    Returns:
        eigenvalues (count,), ascending from those nearest to 0, and eigenvectors (count, N), each
        of either sign.

    Raises:
        ValueError: more eigenpairs than nodes; or a large graph in parts that hardly touch.
    """
    nodes = affinity.shape[0]
    if not 1 <= count <= nodes:
        raise ValueError(
            f"a graph of {nodes} nodes has as many eigenvectors, but {count} were asked for; take "
            "fewer, or a finer grid."
        )
    if isinstance(affinity, csr_array):
        affinity = affinity.astype(np.float64)
    product = _product_with(affinity)
    degree = product(np.ones(nodes, affinity.dtype))
    degree = np.where(degree < _NO_DEGREE, 1, degree).astype(affinity.dtype)
    root = degree**-0.5 if normalised else np.ones_like(degree)
    if not normalised or nodes <= _DENSE or 3 * count > nodes or affinity.min() < 0:
        dense = affinity.toarray() if isinstance(affinity, csr_array) else affinity
        laplacian = np.diag(degree * root**2) - root[:, None] * dense * root
        values, vectors = _nearest_to_zero(laplacian, count)
    else:
        values, vectors = _lanczos(affinity, product, root, count)
    return torch.from_numpy(values).float(), torch.from_numpy(vectors * root).float()


def _nearest_to_zero(matrix: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Eigenpairs of (N, N), symmetric, by a whole decomposition in double precision."""
    values, vectors = np.linalg.eigh(matrix.astype(np.float64))
    chosen = np.sort(np.argsort(abs(values), kind="stable")[:count])
    return values[chosen].astype(matrix.dtype), vectors[:, chosen].T.astype(matrix.dtype)


def _lanczos(
    affinity: np.ndarray | csr_array, product: Product, root: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """
    (1 - value, vector) of the largest eigenpairs of D^-1/2 W D^-1/2.

    Args:
        affinity: W (N, N).
        product: x -> W x.
        root: D^-1/2 (N,). The matrix is never formed: it would cost as much as the iteration.
    """
    start = np.random.default_rng(0).standard_normal(len(root)).astype(root.dtype)
    scaled = partial(_scaled, product, root)
    operator = LinearOperator(affinity.shape, matvec=scaled, dtype=root.dtype)
    try:
        largest, columns = eigsh(operator, count, which="LA", v0=start, tol=_TOLERANCE)
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


def _scaled(product: Product, root: np.ndarray, x: np.ndarray) -> np.ndarray:
    return root * product(root * x.ravel())


def _product_with(affinity: np.ndarray | csr_array) -> Product:
    """
    x -> W x. Of a dense W half is read, which symmetry allows: what these products wait for is the
    memory.
    """
    if isinstance(affinity, csr_array):
        return affinity.__matmul__
    symv = get_blas_funcs("symv", (affinity,))
    return partial(symv, 1.0, np.ascontiguousarray(affinity).T)
