import math

import pytest
import torch
from torch.nn import functional as F

from zs3.config import get_config
from zs3.naming import TextClassifier, build_naming
from zs3.regions import Regions

B, N, C, K, D = 2, 5, 6, 4, 3


def regions(embeddings: torch.Tensor | None = None) -> Regions:
    return Regions(torch.randn(B, N, C) if embeddings is None else embeddings, grid=(1, N))


def text(*shape: int) -> torch.Tensor:
    return F.normalize(torch.randn(*shape, D), dim=-1)


def test_logits_are_cosines_over_the_temperature():
    """Regions at 0, 60 and 90 degrees from the first class, of any length; void is half of it."""
    naming = TextClassifier(in_dim=2, dim=2, layers=0, temperature=0.1)
    naming.void.data = torch.tensor([[0.5, 0.0]])
    embeddings = torch.tensor([[[3.0, 0.0], [0.5, math.sqrt(0.75)], [0.0, 9.0]]])
    logits = naming(Regions(embeddings, grid=(1, 3)), torch.eye(2)[:, None])
    expected = torch.tensor([[10.0, 0, 5], [5, 10 * math.sqrt(0.75), 2.5], [0, 10, 0]])
    torch.testing.assert_close(logits[0], expected)


@pytest.mark.parametrize("classes", [1, K, 50])
def test_any_number_of_names(classes):
    naming = TextClassifier(in_dim=C, dim=D)
    assert naming(regions(), text(classes, 1)).shape == (B, N, classes + 1)
    naming = TextClassifier(in_dim=C, dim=D, with_void=False)
    assert naming(regions(), text(classes, 1)).shape == (B, N, classes)


def test_every_image_may_bring_its_own_names():
    naming, given, own = TextClassifier(in_dim=C, dim=D), regions(), text(B, K, 1)
    together = naming(given, own)
    for i in range(B):
        alone = naming(Regions(given.embeddings[i : i + 1], grid=(1, N)), own[i])
        torch.testing.assert_close(together[i : i + 1], alone)


def test_a_class_scores_the_mean_over_its_templates():
    naming, given, several = TextClassifier(in_dim=C, dim=D, with_void=False), regions(), text(K, 7)
    each = [naming(given, several[:, p : p + 1]) for p in range(7)]
    torch.testing.assert_close(naming(given, several), torch.stack(each).mean(0))


def test_the_scale_of_a_region_does_not_matter_and_none_is_no_nan():
    naming = TextClassifier(in_dim=D, dim=D, layers=0)
    given, names = torch.randn(B, N, D), text(K, 1)
    torch.testing.assert_close(naming(regions(given), names), naming(regions(9 * given), names))
    assert torch.equal(naming(regions(given * 0), names), torch.zeros(B, N, K + 1))


def test_void_is_unit_only_if_asked():
    given, names = regions(torch.tensor([[[1.0, 0, 0]]])), text(K, 1)
    for normalize_void, expected in ((False, 200.0), (True, 100.0)):
        naming = TextClassifier(in_dim=D, dim=D, layers=0, normalize_void=normalize_void)
        naming.void.data = torch.tensor([[2.0, 0, 0]])
        torch.testing.assert_close(naming(given, names)[0, 0, K], torch.tensor(expected))
    start = TextClassifier(in_dim=C, dim=400).void
    assert start.abs().max() <= 1 / 20 and start.abs().max() > 0.9 / 20


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_gradients_reach_the_projection_and_void_but_not_a_fixed_temperature(layers):
    torch.manual_seed(0)
    naming = TextClassifier(in_dim=C, dim=D, layers=layers)
    naming(regions(), text(K, 1)).logsumexp(-1).sum().backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in naming.parameters())
    assert "logit_scale" in naming.state_dict()
    assert "logit_scale" not in dict(naming.named_parameters())


def test_a_learned_temperature_stops_at_its_minimum():
    naming = TextClassifier(
        in_dim=D, dim=D, layers=0, temperature=0.07, learn_temperature=True, min_temperature=0.02
    )
    given, names = regions(torch.randn(B, N, D)), text(K, 1)
    naming(given, names).square().sum().backward()
    assert naming.logit_scale.grad.abs() > 0
    warm = naming(given, names) * 0.07
    naming.logit_scale.data += 9
    torch.testing.assert_close(naming(given, names) * 0.02, warm)


def test_text_the_classifier_was_not_built_for_is_refused():
    naming = TextClassifier(in_dim=C, dim=D)
    with pytest.raises(ValueError, match="text has D=8, but regions are projected to D=3"):
        naming(regions(), torch.randn(K, 1, 8))
    with pytest.raises(ValueError, match=r"text has shape \(4, 3\); expected \(K, P, D\)"):
        naming(regions(), torch.randn(K, D))


def test_impossible_settings_are_refused():
    with pytest.raises(ValueError, match="regions of width 6 cannot meet text of width 3"):
        TextClassifier(in_dim=C, dim=D, layers=0)
    with pytest.raises(ValueError, match=r"temperature 0.01 is below min_temperature 0.02"):
        TextClassifier(in_dim=C, dim=D, learn_temperature=True, min_temperature=0.02)


def test_the_published_classifier_is_the_default():
    naming = build_naming(get_config(), embedding_dim=256, text_dim=512)
    shapes = {name: tuple(value.shape) for name, value in naming.state_dict().items()}
    assert shapes == {
        "projection.0.weight": (512, 256),
        "projection.0.bias": (512,),
        "void": (1, 512),
        "logit_scale": (1,),
    }
    torch.testing.assert_close(naming.logit_scale.exp(), torch.tensor([100.0]))
