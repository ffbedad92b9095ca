import pytest
import torch

from zs3.backbone import DRN, load_backbone_weights

SMALL = {"layers": (1, 2, 1, 1, 1, 1, 1, 1), "channels": (2, 3, 2, 3, 2, 3, 4, 5)}


def test_the_last_six_levels_share_one_grid():
    drn = DRN(**SMALL, out_features=[f"level{i}" for i in range(9)])
    maps = drn(torch.randn(1, 3, 32, 48))
    assert [48 // x.shape[3] for x in maps.values()] == [1, 1, 2, 4, 8, 8, 8, 8, 8]
    assert [x.shape[1] for x in maps.values()] == [2, 2, 3, 8, 12, 8, 12, 4, 5]
    shapes = drn.output_shape().values()
    assert [s.stride for s in shapes] == [1, 1, 2, 4, 8, 8, 8, 8, 8]


def test_dilation_keeps_what_a_cell_sees_apart():
    drn = DRN(**SMALL)
    assert drn.level5[0].conv2.dilation == (2, 2) and drn.level6[0].conv2.dilation == (4, 4)
    assert drn.level7[0].dilation == (2, 2) and drn.level8[0].dilation == (1, 1)


def test_it_needs_eight_levels():
    with pytest.raises(ValueError, match=r"layers \[1\] and channels .* level1 to level8"):
        DRN(layers=(1,))


def test_published_names_start_it(tmp_path):
    drn = DRN(**SMALL)
    published = {}
    for key, value in drn.state_dict().items():
        level, index, *rest = key.split(".")
        name = ".".join(rest)
        if level in ("level3", "level4", "level5", "level6"):
            name = name.replace("shortcut.norm", "downsample.1").replace("shortcut", "downsample.0")
            for i in "123":
                name = name.replace(f"conv{i}.norm", f"bn{i}")
            theirs = f"layer{level[-1]}.{index}.{name}"
        else:
            position = 3 * int(index) // 2 + name.startswith("norm.")
            theirs = f"layer{level[-1]}.{position}.{name.removeprefix('norm.')}"
        published[theirs] = value + 1
    published["fc.weight"] = torch.zeros(2)
    torch.save(published, tmp_path / "drn.pth")
    other = DRN(**SMALL)
    assert load_backbone_weights(other, tmp_path / "drn.pth") == ["fc.weight"]
    assert torch.equal(other.level4[0].conv2.weight, drn.level4[0].conv2.weight + 1)
    assert torch.equal(other.level2[2].norm.bias, drn.level2[2].norm.bias + 1)
