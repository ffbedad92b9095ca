import pytest
import torch
from torch import nn

from zs3.backbone.conv_norm import ConvNorm, FrozenBatchNorm2d, build_norm, freeze


def test_frozen_batch_norm_by_hand():
    norm = FrozenBatchNorm2d(2)
    norm.load_state_dict(
        {
            "weight": torch.tensor([3.0, 1.0]),
            "bias": torch.tensor([1.0, -2.0]),
            "running_mean": torch.tensor([1.0, 0.0]),
            "running_var": torch.tensor([4.0, 0.25]) - 1e-5,
        }
    )
    x = torch.tensor([5.0, 7.0]).view(1, 2, 1, 1).expand(3, 2, 4, 5)
    # (5 - 1) / 2 * 3 + 1 and 7 / 0.5 - 2
    torch.testing.assert_close(norm(x)[2, :, 3, 4], torch.tensor([7.0, 12.0]))


def test_frozen_batch_norm_starts_as_the_identity_and_has_nothing_to_train():
    norm = FrozenBatchNorm2d(3)
    x = torch.randn(2, 3, 4, 5)
    torch.testing.assert_close(norm(x), x)
    assert not list(norm.parameters())
    assert norm.train()(x.half()).dtype == torch.float16


def test_frozen_batch_norm_agrees_with_torch_in_evaluation():
    norm = nn.BatchNorm2d(3)
    for tensor in norm.state_dict().values():
        if tensor.is_floating_point():
            tensor.uniform_(0.5, 2)
    x = torch.randn(2, 3, 4, 5, requires_grad=True)
    frozen = FrozenBatchNorm2d.of(norm)
    torch.testing.assert_close(frozen(x), norm.eval()(x))
    gradients = [torch.autograd.grad(n(x).square().sum(), x)[0] for n in (frozen, norm)]
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("FrozenBN", FrozenBatchNorm2d),
        ("BN", nn.BatchNorm2d),
        ("SyncBN", nn.BatchNorm2d),
        ("GN", nn.GroupNorm),
        ("", type(None)),
    ],
)
def test_norms_by_name(name, kind):
    conv = ConvNorm(3, 64, 3, padding=1, norm=name)
    assert isinstance(conv.norm, kind)
    assert (conv.bias is None) == bool(name)
    assert {key.split(".")[0] for key in conv.state_dict()} <= {"weight", "bias", "norm"}
    assert conv(torch.randn(2, 3, 5, 6)).shape == (2, 64, 5, 6)


def test_an_unknown_norm_is_refused():
    with pytest.raises(ValueError, match="no norm is called 'LN'"):
        build_norm("LN", 8)


def test_freezing_keeps_the_output_of_evaluation_even_in_training():
    network = nn.Sequential(
        ConvNorm(3, 4, 1, norm="BN"), nn.Sequential(ConvNorm(4, 5, 1, norm="BN"))
    )
    x = torch.randn(2, 3, 4, 5)
    network(x)  # Moves the running statistics.
    expected = network.eval()(x)

    freeze(network)

    torch.testing.assert_close(network.train()(x), expected)
    assert not any(parameter.requires_grad for parameter in network.parameters())
