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
from scipy.sparse.linalg import LinearOperator, eigsh
from torch import Tensor

_DENSE = 256  # nodes up to which a whole decomposition, batched, is faster
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
        ValueError: more eigenpairs than nodes.
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
        values, vectors = _lanczos(affinity, root, count)
    return values, vectors * root[:, None]


def nearest_to_zero(matrix: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Eigenpairs of (B, N, N), symmetric, by a whole decomposition in double precision."""
    values, vectors = torch.linalg.eigh(matrix.double())
    chosen = values.abs().sort(dim=-1, stable=True).indices[:, :count].sort(dim=-1).values
    vectors = vectors.mT.gather(1, chosen[..., None].expand(-1, -1, matrix.shape[-1]))
    return values.gather(1, chosen).to(matrix), vectors.to(matrix)


def _lanczos(affinity: Tensor, root: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """
    (1 - value, vector) of the largest eigenpairs of D^-1/2 W D^-1/2, on the CPU.

    Args:
        root: D^-1/2 (B, N). The product is never formed: it would cost as much as the iteration.
    """
    start = np.random.default_rng(0).standard_normal(affinity.shape[-1])
    values, vectors = [], []
    for matrix, scale in zip(affinity.cpu().numpy(), root.cpu().numpy(), strict=True):
        product = partial(_scaled_product, matrix, scale)
        operator = LinearOperator(matrix.shape, matvec=product, dtype=matrix.dtype)
        largest, columns = eigsh(operator, count, which="LA", v0=start.astype(matrix.dtype))
        order = np.argsort(-largest, kind="stable")
        values.append(torch.from_numpy(1 - largest[order]))
        vectors.append(torch.from_numpy(columns[:, order].T.copy()))
    return torch.stack(values).to(affinity), torch.stack(vectors).to(affinity)


def _scaled_product(matrix: np.ndarray, scale: np.ndarray, x: np.ndarray) -> np.ndarray:
    return scale * (matrix @ (scale * x.ravel()))
