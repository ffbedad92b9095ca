from __future__ import annotations

import numpy as np
import pytest
import torch

from zs3.generation import Generator, GraphGenerator
from zs3.generation.graph import region_graph


def generator(**options):
    sizes = {"text_dim": 3, "noise_dim": 2, "feature_dim": 4, "hidden": [5], "dropout": [0.5]}
    return Generator(**{**sizes, "bounded": False, **options})


def test_bounded_features_are_between_0_and_1():
    made = generator(bounded=True)(torch.randn(2, 7, 3), 100 * torch.randn(2, 7, 2))
    assert made.shape == (2, 7, 4)
    assert made.min() >= 0 and made.max() <= 1


def test_without_hidden_layers_it_is_linear():
    linear = generator(hidden=[], dropout=[])
    text, noise = torch.randn(6, 3), torch.randn(6, 2)
    (layer,) = linear.layers
    expected = torch.cat((text, noise), 1) @ layer.weight.T + layer.bias
    torch.testing.assert_close(linear(text, noise), expected)


def test_a_dropout_for_every_hidden_layer_is_asked_for():
    with pytest.raises(ValueError, match=r"2 hidden layers .* \[0.5\]"):
        generator(hidden=[5, 5])


def test_the_graph_of_a_map_by_hand():
    graph = region_graph(np.array([[1, 1, 2], [3, 1, 2], [3, 3, 1]]))
    # The 1 in the corner touches the other 1 diagonally: they are one region.
    assert graph.regions.tolist() == [[0, 0, 1], [2, 0, 1], [2, 2, 0]]
    assert graph.first.tolist() == [0, 2, 3]
    assert graph.adjacency.tolist() == [[0, 1, 1], [1, 0, 1], [1, 1, 0]]


def test_a_node_hears_its_neighbours_and_not_itself():
    graph = GraphGenerator(text_dim=2, noise_dim=1, feature_dim=3, hidden=4).eval()
    adjacency = torch.tensor([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    text, noise = torch.randn(3, 2), torch.randn(3, 1)
    made = graph(text, noise, adjacency)
    text[2] += 1
    assert torch.equal(graph(text, noise, adjacency), made)
    torch.testing.assert_close(made[2], graph.second.bias)
