"""Small files in every published layout, made from one backbone's own state."""

import pickle
import re

import pytest
import torch
from safetensors.torch import save_file

from zs3.backbone import (
    ConvNet,
    MobileNetV2,
    ResNet,
    Swin,
    TimmBackbone,
    load_backbone_weights,
)
from zs3.backbone.resnet import Bottleneck, Stem, make_stage


def backbone(norm="FrozenBN", out_features=("res2", "res3")):
    options = {"norm": norm, "dilations": [1, 1]}
    stages = [
        make_stage(Bottleneck, 4, 6, width=3, stride=1, **options),
        make_stage(Bottleneck, 6, 8, width=5, stride=2, **options),
    ]
    return ResNet(stem=Stem(3, 4, norm=norm), stages=stages, out_features=out_features)


@pytest.fixture
def state():
    torch.manual_seed(0)
    return {key: torch.rand_like(value) for key, value in backbone().state_dict().items()}


def in_torchvision(key):
    key = key.replace("stem.conv1.norm", "bn1").replace("stem.", "")
    key = key.replace("shortcut.norm", "downsample.1").replace("shortcut", "downsample.0")
    key = re.sub(r"conv(\d)\.norm", r"bn\1", key)
    return re.sub(r"res(\d)", lambda match: f"layer{int(match[1]) - 1}", key)


def in_caffe2(key):
    key = key.replace("stem.conv1.norm", "res.conv1.norm").replace("stem.", "")
    key = key.replace("norm.weight", "bn.s").replace("norm.bias", "bn.b").replace("weight", "w")
    key = key.replace("running_mean", "rm").replace("running_var", "riv").replace("norm.r", "bn.r")
    key = key.replace("shortcut", "branch1").replace("res.conv1", "res-conv1")
    key = re.sub(r"(res\d\.\d\.)conv(\d)", lambda m: f"{m[1]}branch2{' abc'[int(m[2])]}", key)
    return key.replace(".", "_").replace("-", "_")


def arrays(state):
    return {key: value.numpy() for key, value in state.items()}


def dump(content, path):
    path.write_bytes(pickle.dumps(content, protocol=2))


def assert_loaded(network, state):
    for key, value in network.state_dict().items():
        if not key.endswith("num_batches_tracked"):
            torch.testing.assert_close(value, state[key], msg=key)


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
@pytest.mark.parametrize("norm", ["FrozenBN", "BN"])
def test_torchvision(state, tmp_path, norm, suffix):
    theirs = {in_torchvision(key): value for key, value in state.items()}
    assert {"conv1.weight", "bn1.bias", "layer2.0.downsample.1.running_var"} <= theirs.keys()
    theirs |= {"fc.weight": torch.ones(7, 8), "bn1.num_batches_tracked": torch.tensor(3)}
    path = tmp_path / f"weights.{suffix}"
    (save_file if suffix == "safetensors" else torch.save)(theirs, path)
    network = backbone(norm)
    spare = load_backbone_weights(network, path)
    assert_loaded(network, state)
    counter = [] if norm == "BN" else ["stem.conv1.norm.num_batches_tracked"]
    assert spare == ["fc.weight", *counter]


def test_detectron2(state, tmp_path):
    theirs = arrays(state | {"stem.fc.weight": torch.ones(7, 8), "stem.fc.bias": torch.ones(7)})
    content = {"model": theirs, "__author__": "torchvision", "matching_heuristics": True}
    dump(content, tmp_path / "R.pkl")
    network = backbone()
    assert load_backbone_weights(network, tmp_path / "R.pkl") == ["stem.fc.bias", "stem.fc.weight"]
    assert_loaded(network, state)


@pytest.mark.parametrize("container", ["bare", "blobs"])
def test_caffe2(state, tmp_path, container):
    theirs = {in_caffe2(key): value for key, value in state.items()}
    assert {
        "conv1_w",
        "res_conv1_bn_s",
        "res3_0_branch1_bn_riv",
        "res2_1_branch2b_w",
    } <= theirs.keys()
    ones = torch.ones(4)
    theirs |= {"conv1_w_momentum": ones, "conv1_b": ones, "fc1000_w": ones, "fc1000_b": ones}
    dump(arrays(theirs) if container == "bare" else {"blobs": arrays(theirs)}, tmp_path / "R.pkl")
    network = backbone()
    spare = load_backbone_weights(network, tmp_path / "R.pkl")
    assert spare == ["fc1000.bias", "fc1000.weight", "stem.conv1.bias"]
    assert_loaded(network, state)


def test_caffe2_with_statistics_folded_into_the_affine_parameters(state, tmp_path):
    folded = {k: v for k, v in state.items() if "running" not in k}
    dump(arrays({in_caffe2(key): value for key, value in folded.items()}), tmp_path / "R.pkl")
    network = backbone()
    load_backbone_weights(network, tmp_path / "R.pkl")
    norm = network.res2[1].conv2.norm
    assert norm.running_mean.tolist() == [0] * 3 and norm.running_var.tolist() == [1] * 3
    torch.testing.assert_close(norm.weight, state["res2.1.conv2.norm.weight"])


def test_stages_that_the_backbone_lacks_are_spare(state, tmp_path):
    torch.save(state, tmp_path / "weights.pth")
    network = backbone(out_features=["res2"])
    spare = load_backbone_weights(network, tmp_path / "weights.pth")
    assert spare and all(key.startswith("res3.") for key in spare)
    assert_loaded(network, state)


def test_everything_that_does_not_fit_is_named(state, tmp_path):
    del state["res2.0.conv1.weight"]
    state["res2.2.conv1.weight"] = torch.ones(1)
    state["stem.conv1.weight"] = torch.ones(9, 3, 7, 7)
    torch.save(state, tmp_path / "weights.pth")
    with pytest.raises(ValueError) as refusal:
        load_backbone_weights(backbone(), tmp_path / "weights.pth")
    message = str(refusal.value)
    assert "weights.pth does not fit the configured backbone, ResNet" in message
    for key in ("res2.0.conv1.weight", "res2.2.conv1.weight", "stem.conv1.weight", "[9, 3, 7, 7]"):
        assert key in message


def test_a_file_of_another_network_is_refused(tmp_path):
    torch.save({"encoder.weight": torch.ones(2)}, tmp_path / "weights.pth")
    with pytest.raises(ValueError, match=r"Missing key.*stem\.conv1\.weight"):
        load_backbone_weights(backbone(), tmp_path / "weights.pth")
    with pytest.raises(FileNotFoundError, match=r"nothing\.pth"):
        load_backbone_weights(backbone(), tmp_path / "nothing.pth")


def test_mobilenet_in_half_precision(tmp_path, caplog):
    reference = MobileNetV2()
    starts = {"res1": 0, "res2": 2, "res3": 4, "res4": 7, "res5": 14}
    theirs = {"classifier.1.weight": torch.ones(1001, 5), "features.18.0.weight": torch.ones(3)}
    for key, value in reference.state_dict().items():
        stage, layer, rest = key.split(".", 2)
        if value.is_floating_point():
            theirs[f"features.{starts[stage] + int(layer)}.{rest}"] = value.half()
    save_file(theirs, tmp_path / "mobilenet.safetensors")
    network = MobileNetV2(same_padding=True)
    with caplog.at_level("INFO"):
        spare = load_backbone_weights(network, tmp_path / "mobilenet.safetensors")
    assert spare == ["classifier.1.weight", "features.18.0.weight"]
    assert "no part of the backbone: classifier.1.weight, features.18.0.weight" in caplog.text
    assert_loaded(network, {k: v.half().float() for k, v in reference.state_dict().items()})


@pytest.mark.parametrize(
    "make",
    [
        lambda: TimmBackbone(name="test_resnet", out_features=["res3"]),
        lambda: ConvNet(channels=(4, 5), blocks=(0, 1), out_features=["res2"]),
    ],
    ids=["timm", "ours"],
)
def test_other_backbones_take_files_in_their_own_names(make, tmp_path):
    source, network = make(), make()
    state = getattr(source, "net", source).state_dict()
    torch.save({"state_dict": state | {"fc.weight": torch.ones(2)}}, tmp_path / "weights.pth")
    assert load_backbone_weights(network, tmp_path / "weights.pth") == ["fc.weight"]
    assert_loaded(network, source.state_dict())


def swin(depths=(1, 2, 1), last="res4"):
    torch.manual_seed(1)
    heads = [1, 2, 3, 4][: len(depths)]
    return Swin(embed_dim=6, depths=depths, heads=heads, window=3, out_features=["res3", last])


def test_microsofts_swin_has_a_classifier_and_no_norm_for_maps(tmp_path):
    source, network = swin((1, 2, 1, 1), "res5"), swin()
    theirs = {k: torch.rand_like(v) for k, v in source.state_dict().items() if k[:4] != "norm"}
    theirs |= {"layers.1.blocks.1.attn_mask": torch.ones(4, 9, 9), "norm.weight": torch.ones(48)}
    torch.save({"model": theirs, "epoch": 299}, tmp_path / "swin_tiny.pth")
    spare = load_backbone_weights(network, tmp_path / "swin_tiny.pth")
    assert {".".join(key.split(".")[:3]) for key in spare} == {
        "layers.2.downsample",
        "layers.3.blocks",
        "norm.weight",
    }
    norms = {k: v for k, v in swin().state_dict().items() if k.startswith("norm")}
    assert_loaded(network, theirs | norms)


def test_a_swin_of_another_window_or_depth_is_refused(tmp_path):
    torch.save(swin((1, 3, 1)).state_dict(), tmp_path / "deeper.pth")
    with pytest.raises(
        ValueError, match=r"(?s)deeper\.pth does not fit.*Swin.*layers\.1\.blocks\.2"
    ):
        load_backbone_weights(swin(), tmp_path / "deeper.pth")
    wide = Swin(embed_dim=6, depths=(1, 2, 1), heads=(1, 2, 3), window=4, out_features=["res4"])
    torch.save(wide.state_dict(), tmp_path / "wide.pth")
    with pytest.raises(ValueError, match=r"(?s)size mismatch for .*relative_position_bias_table"):
        load_backbone_weights(swin(), tmp_path / "wide.pth")


@pytest.mark.parametrize("published", [True, False])
def test_the_backbone_of_a_whole_model(tmp_path, published):
    theirs = {f"backbone.{key}": torch.rand_like(v) for key, v in swin().state_dict().items()}
    queries = "sem_seg_head.predictor" if published else "grouping.decoder"
    head = {f"{queries}.query_embed.weight": torch.ones(2, 3)}
    if published:
        head["backbone.layers.0.blocks.0.attn.relative_position_index"] = torch.ones(9, 9)
        dump({"model": arrays(theirs | head), "__author__": "someone"}, tmp_path / "model.pkl")
        path = tmp_path / "model.pkl"
    else:
        save_file(theirs | head, tmp_path / "model_final.safetensors")
        path = tmp_path
    network = swin()
    assert load_backbone_weights(network, path) == []
    assert_loaded(network, {key.removeprefix("backbone."): v for key, v in theirs.items()})


def test_timms_part_of_a_whole_model(tmp_path):
    source = TimmBackbone(name="test_resnet", out_features=["res3"])
    network = TimmBackbone(name="test_resnet", out_features=["res3"])
    save_file(
        {f"backbone.{key}": value for key, value in source.state_dict().items()},
        tmp_path / "model_final.safetensors",
    )
    assert load_backbone_weights(network, tmp_path) == []
    assert_loaded(network, source.state_dict())
