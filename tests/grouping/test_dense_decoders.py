"""DPT's decoder and pyramid pooling, as LSeg and SAZS read them."""

import torch
from torch.nn import functional as F

from zs3.grouping import PyramidPooling, RefineNet

CHANNELS = {"res2": 3, "res3": 4, "res4": 5, "res5": 6}


def maps(batch: int = 2) -> dict[str, torch.Tensor]:
    return {
        name: torch.randn(batch, width, 24 // 2**i, 32 // 2**i)
        for i, (name, width) in enumerate(CHANNELS.items())
    }


def test_paths_double_the_grid_and_the_finest_is_the_mask_features():
    decoder = RefineNet(in_channels=CHANNELS, conv_dim=7, mask_dim=9).eval()
    given = maps()
    decoded = decoder(given)
    assert decoded.mask_features.shape == (2, 9, 48, 64)
    assert [path.shape[2:] for path in decoder.paths(given)] == [
        (6, 8),
        (12, 16),
        (24, 32),
        (48, 64),
    ]
    assert len(decoded.multi_scale) == 3 and decoder.embedding_dim == 9


def test_the_coarsest_map_joins_none():
    decoder = RefineNet(in_channels=CHANNELS, conv_dim=7, mask_dim=9, norm="")
    assert decoder.fusion[3].skip is None and decoder.fusion[0].skip is not None
    assert decoder.fusion[0].refine.conv1.bias is not None


def test_a_residual_unit_of_zeros_is_the_identity():
    decoder = RefineNet(in_channels={"res2": 2}, conv_dim=2, mask_dim=2, norm="")
    fusion = decoder.fusion[0]
    for parameter in fusion.refine.parameters():
        parameter.data.zero_()
    x = torch.randn(1, 2, 3, 4)
    assert torch.equal(fusion.refine(x), x)
    enlarged = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)
    torch.testing.assert_close(fusion(x), fusion.project(enlarged))


def test_pooling_sees_the_whole_image_and_is_not_negative():
    pooling = PyramidPooling(in_feature="res2", in_channels=3, mask_dim=4, norm="").eval()
    x = torch.randn(1, 3, 12, 12)
    other = x.clone()
    other[..., -1, -1] += 100
    first, second = (pooling({"res2": y}).mask_features for y in (x, other))
    assert first.shape == (1, 4, 12, 12) and (first >= 0).all()
    assert not torch.equal(first[..., 0, 0], second[..., 0, 0])


def test_whole_channels_are_dropped_in_training_only():
    torch.manual_seed(0)
    pooling = PyramidPooling(in_feature="res2", in_channels=3, mask_dim=64, norm="", dropout=0.9)
    x = {"res2": torch.randn(1, 3, 6, 6)}
    dropped = (pooling(x).mask_features == 0).flatten(2).all(2).sum()
    assert dropped > (pooling.eval()(x).mask_features == 0).flatten(2).all(2).sum()
