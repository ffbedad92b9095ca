"""Where regions and text meet: both as vectors of one width D."""

from __future__ import annotations

from torch import Tensor, nn

from ..mlp import mlp


def class_matrix(text: Tensor, dim: int) -> Tensor:
    """
    Averages the templates: a class scores the mean of its templates' inner products.

    Args:
        text: (K, P, D), or (B, K, P, D) if every image brings its own names; usually P = 1.
        dim: the D that regions have.

    Returns:
        Tensor: (K, D) or (B, K, D).

    Raises:
        ValueError: another D, or another number of axes.
    """
    if text.ndim not in (3, 4):
        raise ValueError(
            f"text has shape {tuple(text.shape)}; expected (K, P, D), or (B, K, P, D) if every "
            "image brings its own names."
        )
    if text.shape[-1] != dim:
        raise ValueError(
            f"text has D={text.shape[-1]}, but regions are projected to D={dim}; "
            "build the naming for this text encoder."
        )
    return text.mean(-2)


def text_projection(in_dim: int, dim: int, layers: int) -> nn.Sequential:
    """
    The perceptron from regions (in_dim) to text (dim); hidden layers are as wide as the regions.

    Raises:
        ValueError: no layers, and the two widths differ.
    """
    if layers == 0 and in_dim != dim:
        raise ValueError(
            f"without a layer regions of width {in_dim} cannot meet text of width {dim}; "
            "set MODEL.NAMING.LAYERS to 1."
        )
    return mlp(*[in_dim] * layers, dim)
