"""Checkpoints as others publish them, converted and loaded, are the model they were made from."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import open_clip
import pytest
import torch
from published import published
from torch import nn

import zs3
from zs3.commands.convert import main
from zs3.config import get_config
from zs3.data.augmentation import ResizeShortestEdge
from zs3.data.shapes import draw_scene
from zs3.inference.load import load
from zs3.inference.predictor import Segmenter
from zs3.segmentor import ZeroShotSegmentor
from zs3.vocabulary import Vocabulary

NAMES = Vocabulary.of(["red star", "grass, lawn", "blue ring"], unseen=["blue ring"])
IMAGE = draw_scene(5, 0).image[:80, :75]

BASE = """
MODEL:
  DEVICE: cpu
  RESNETS: {DEPTH: 50, STEM_OUT_CHANNELS: 4, RES2_OUT_CHANNELS: 8, WIDTH_PER_GROUP: 4}
  SWIN: {EMBED_DIM: 8, DEPTHS: [1, 2, 1, 1], NUM_HEADS: [1, 2, 2, 4], WINDOW_SIZE: 3}
  PIXEL_DECODER: {CONV_DIM: 32, MASK_DIM: 12, ENC_LAYERS: 1}
  QUERY_DECODER: {NUM_QUERIES: 5, HIDDEN_DIM: 32, NHEADS: 2, DIM_FEEDFORWARD: 16, DEC_LAYERS: 2}
INPUT: {MIN_SIZE_TEST: 64, MAX_SIZE_TEST: 128}
"""
SHAPES_CLIP = ["MODEL.CLIP.NAME", "shapes_clip", "MODEL.CLIP.PRETRAINED", ""]
LOOK = ["MODEL.REFINERS", "['ClipSecondLook', 'SeenBias']", "MODEL.SEEN_BIAS.GAMMA", "0.1"]
LINEAR = ["MODEL.NAMING.NAME", "Linear", "MODEL.NAMING.NUM_CLASSES", "3"]
SWIN = ["MODEL.BACKBONE.NAME", "Swin"]
DEEP_STEM = ["MODEL.RESNETS.STEM_TYPE", "deeplab"]
ENCODER = ["MODEL.PIXEL_DECODER.NAME", "TransformerEncoderFPN"]
DEFORMABLE = ["MODEL.PIXEL_DECODER.NAME", "MSDeformAttnPixelDecoder"]
MASKED = ["MODEL.QUERY_DECODER.NAME", "MaskedDecoder"]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "model.yaml"
    file.write_text(BASE)
    return file


@pytest.fixture
def given(config: Path, tmp_path: Path) -> list[str]:
    """The model and its names, these as ZegFormer has them: a list to train and one to test on."""
    (tmp_path / "all.json").write_text(json.dumps(NAMES.names))
    (tmp_path / "seen.json").write_text(json.dumps(NAMES.seen))
    classes = ["--classes", str(tmp_path / "all.json"), "--seen", str(tmp_path / "seen.json")]
    return ["--config-file", str(config), *classes]


def build(config: Path, options: list[str]) -> ZeroShotSegmentor:
    """With weights that nothing starts with: statistics of norms, biases, tables."""
    torch.manual_seed(0)
    model = ZeroShotSegmentor(get_config(config, options)).eval()
    for part in (model.backbone, model.grouping, model.naming):
        for value in part.state_dict().values():
            nn.init.uniform_(value, 0.01, 0.2)
    return model


def dump(content: dict, path: Path) -> None:
    """As .pth from torch, as .pkl with numpy's arrays, as the model zoos have them."""
    if path.suffix == ".pth":
        torch.save({"model": content, "optimizer": {"lr": 0.1}, "iteration": 59999}, path)
        return
    arrays = {key: value.numpy() for key, value in content.items()}
    path.write_bytes(pickle.dumps({"model": arrays, "__author__": "someone"}, protocol=2))


def assert_same_output(model: ZeroShotSegmentor, loaded: Segmenter) -> None:
    expected = Segmenter(model, NAMES, ResizeShortestEdge([64], 128)).segment(IMAGE)
    got = loaded.segment(IMAGE)
    assert got.names == expected.names
    assert torch.equal(torch.from_numpy(got.scores), torch.from_numpy(expected.scores))
    assert expected.scores.std() > 0


@pytest.mark.parametrize(
    ("name", "options", "first_version"),
    [
        ("zegformer_R50.pth", [*SHAPES_CLIP, *LOOK], False),
        ("maskformer_R101c.pkl", [*SHAPES_CLIP, *LINEAR, *DEEP_STEM], False),
        ("maskformer_swin.pkl", [*SHAPES_CLIP, *SWIN, *ENCODER, *LINEAR], False),
        ("maskformer_first_version.pkl", [*SHAPES_CLIP, *SWIN, *ENCODER, *LINEAR], True),
        ("mask2former_swin.pkl", [*SHAPES_CLIP, *SWIN, *DEFORMABLE, *MASKED, *LINEAR], True),
        ("mask2former_named_by_text.pth", [*SHAPES_CLIP, *DEFORMABLE, *MASKED], False),
    ],
)
def test_a_published_model_is_what_it_was(name, options, first_version, config, given, tmp_path):
    model, source = build(config, options), str(tmp_path / name)
    dump(published(model, with_clip=False, first_version=first_version), tmp_path / name)
    out = tmp_path / "models" / "converted"

    main([source, str(out), *given, *options])

    files = {"config.yaml", "model_final.safetensors", "vocabulary.json"}
    assert {file.name for file in out.iterdir()} == files
    assert Vocabulary.load(out / "vocabulary.json") == NAMES
    assert_same_output(model, zs3.load(out))
    # The published file is taken as it is, too.
    direct = load(config, [*options, "MODEL.WEIGHTS", source])
    direct.trained = NAMES
    assert_same_output(model, direct)


def test_what_was_converted_needs_no_more_words(config, given, tmp_path):
    model = build(config, [*SHAPES_CLIP, *SWIN])
    dump(published(model, with_clip=False), tmp_path / "a.pth")
    main([str(tmp_path / "a.pth"), str(tmp_path / "out"), *given, *SHAPES_CLIP, *SWIN])
    main([str(tmp_path / "out"), str(tmp_path / "again")])
    assert_same_output(model, zs3.load(tmp_path / "again"))


def test_a_clip_in_the_checkpoint_is_kept_where_the_configuration_names_no_other(
    config, given, tmp_path, capsys
):
    vision = {"image_size": 16, "layers": 1, "width": 64, "patch_size": 8}
    text = {"context_length": 12, "vocab_size": 49408, "width": 64, "heads": 1, "layers": 1}
    sizes = {"embed_dim": 8, "quick_gelu": True, "vision_cfg": vision, "text_cfg": text}
    (tmp_path / "zs3-test-clip.json").write_text(json.dumps(sizes))
    open_clip.add_model_config(tmp_path / "zs3-test-clip.json")
    own = ["MODEL.CLIP.NAME", "zs3-test-clip", "MODEL.CLIP.PRETRAINED", "", *LOOK]
    model = build(config, own)
    dump(published(model, with_clip=True), tmp_path / "eval.pth")
    convert = [str(tmp_path / "eval.pth"), *given]

    main([*convert, str(tmp_path / "own"), *own])
    assert_same_output(model, zs3.load(tmp_path / "own"))

    capsys.readouterr()
    main([*convert, str(tmp_path / "other"), "--allow-partial", *SHAPES_CLIP])  # of another width
    clip = len(model.text.encoder.model.state_dict())
    assert f"elsewhere {clip:12}  the model has them from MODEL.CLIP" in capsys.readouterr().out


def test_the_table_counts_what_becomes_of_every_tensor(config, given, tmp_path, capsys):
    options = [*SHAPES_CLIP, *SWIN]
    state = published(build(config, options), with_clip=False)
    dump(state, tmp_path / "a.pth")
    main([str(tmp_path / "a.pth"), str(tmp_path / "out"), *given, *options])
    assert capsys.readouterr().out.splitlines() == [
        f"{tmp_path / 'a.pth'}: ZegFormer, MaskFormer or Mask2Former",
        f"  loaded           {len(state) - 6:5}",
        "  dropped              1  class weights of the loss, which MODEL.CRITERION sets",
        "  dropped              5  a table that is computed",
        "  elsewhere            0",
        "  missing              0",
        "  unexpected           0",
        "  of another shape     0",
        f"{tmp_path / 'out'} holds the model and 3 class names, 1 of them unseen",
    ]


def test_what_does_not_fit_is_listed_and_nothing_is_written(config, given, tmp_path, capsys):
    """MaskFormer's closed classifier in a model that is named by text."""
    maskformer = build(config, [*SHAPES_CLIP, *LINEAR])
    dump(published(maskformer, with_clip=False), tmp_path / "a.pkl")
    before = sorted(tmp_path.iterdir())
    convert = [str(tmp_path / "a.pkl"), str(tmp_path / "out"), *given, *SHAPES_CLIP]

    with pytest.raises(SystemExit) as stop:
        main(convert)
    message = str(stop.value)
    assert "missing: naming.void" in message
    assert "unexpected: naming.linear.weight (4, 32)" in message
    assert "MODEL.NAMING.NAME Linear takes it" in message
    said = capsys.readouterr().out.split()
    assert said[said.index("missing") + 1] == "4" and said[said.index("unexpected") + 1] == "2"
    assert sorted(tmp_path.iterdir()) == before

    main([*convert, "--allow-partial"])
    loaded = zs3.load(tmp_path / "out").model.state_dict()
    for key, value in maskformer.state_dict().items():
        if key.startswith(("backbone.", "grouping.")):
            assert torch.equal(loaded[key], value), key


def test_a_directory_with_something_in_it_is_not_written_to(config, given, tmp_path):
    model = build(config, SHAPES_CLIP)
    dump(published(model, with_clip=False), tmp_path / "a.pth")
    out = tmp_path / "out"
    out.mkdir()
    (out / "notes.txt").write_text("mine")
    (out / "model_final.safetensors").write_text("old")
    convert = [str(tmp_path / "a.pth"), str(out), *given, *SHAPES_CLIP]

    with pytest.raises(SystemExit, match=r"holds model_final\.safetensors and 1 others.*--force"):
        main(convert)
    assert (out / "model_final.safetensors").read_text() == "old"

    main([*convert, "--force"])
    assert (out / "notes.txt").read_text() == "mine"
    assert_same_output(model, zs3.load(out))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"--config-file": None}, r"no config\.yaml beside .*--config-file FILE"),
        ({"--classes": None, "--seen": None}, "no dataset, so the class names must be given: --cl"),
        ({"--classes": "two.txt", "--seen": None}, "for 3 classes, but the vocabulary has 2 names"),
        ({"--seen": "two.txt"}, "class 'moon' is not in the vocabulary"),
        ({"--classes": "none.json"}, r"none\.json: No such file"),
        ({"--classes": "dict.json"}, r"dict\.json holds no class names: it has no list of names"),
        ({"SRC": "none.pth"}, r"none\.pth is not there"),
        ({"SRC": "two.txt"}, r"two\.txt is no weight file"),
    ],
)
def test_a_mistake_is_one_line(change, message, config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = [*SHAPES_CLIP, *SWIN, *LINEAR]
    dump(published(build(config, options), with_clip=False), tmp_path / "a.pth")
    (tmp_path / "all.txt").write_text("red star\ngrass\nblue ring\n")
    (tmp_path / "dict.json").write_text('{"a": 1}')
    (tmp_path / "two.txt").write_text("red star\nmoon\n")
    words = {"SRC": "a.pth", "--config-file": "model.yaml", "--classes": "all.txt"}
    words |= {"--seen": "all.txt", **change}
    named = [
        word for key, value in words.items() if key != "SRC" and value for word in (key, value)
    ]
    with pytest.raises(SystemExit, match=f"error: .*{message}") as stop:
        main([words["SRC"], "out", *named, *options])
    assert "\n" not in str(stop.value)
    assert not (tmp_path / "out").exists()


def test_only_words_that_were_typed_are_blamed(config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"w": torch.ones(1)}, "a.pth")
    with pytest.raises(SystemExit, match=r"KEY VALUE pairs, but \['SEED'\] has 1 words\.$"):
        main(["a.pth", "out", "SEED", "--config-file", "model.yaml"])


def test_seen_names_of_unknown_classes_are_a_wrong_command(capsys):
    with pytest.raises(SystemExit):
        main(["a.pth", "out", "--seen", "seen.json"])
    assert "--seen says which of --classes were seen" in capsys.readouterr().err
