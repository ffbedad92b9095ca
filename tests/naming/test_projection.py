import pytest
import torch

from zs3.config import get_config
from zs3.naming import Projection, build_naming
from zs3.regions import Regions

B, N, C, K, D = 2, 5, 6, 4, 3


def regions() -> Regions:
    return Regions(torch.randn(B, N, C), grid=(1, N))


def test_scores_are_inner_products_as_they_are():
    naming = Projection(in_dim=2, dim=2, layers=0)
    pixels = Regions(torch.tensor([[[3.0, 1.0]]]), grid=(1, 1))
    text = torch.tensor([[[2.0, 0.0]], [[1.0, 5.0]]])
    assert torch.equal(naming(pixels, text), torch.tensor([[[6.0, 8.0]]]))


def test_text_may_have_templates_and_be_an_images_own():
    naming, given, text = Projection(in_dim=C, dim=D, layers=2), regions(), torch.randn(B, K, 7, D)
    logits = naming(given, text)
    assert logits.shape == (B, N, K)
    for i in range(B):
        alone = Regions(given.embeddings[i : i + 1], grid=(1, N))
        torch.testing.assert_close(logits[i : i + 1], naming(alone, text[i].mean(1, keepdim=True)))


def test_gradients_reach_every_layer():
    torch.manual_seed(0)
    naming = Projection(in_dim=C, dim=D, layers=2)
    naming(regions(), torch.randn(K, 1, D)).square().sum().backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in naming.parameters())


def test_other_text_is_refused():
    with pytest.raises(ValueError, match="text has D=8, but regions are projected to D=3"):
        Projection(in_dim=C, dim=D)(regions(), torch.randn(K, 1, 8))


def test_it_is_built_for_the_widths_it_meets():
    cfg = get_config(opts=["MODEL.NAMING.NAME", "Projection", "MODEL.NAMING.LAYERS", "1"])
    naming = build_naming(cfg, embedding_dim=C, text_dim=D)
    assert naming(regions(), torch.randn(K, 1, D)).shape == (B, N, K)
