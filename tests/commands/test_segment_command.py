"""`zs3 segment` from its arguments to its exit code, with an untrained model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from zs3.commands import segment
from zs3.config import get_config
from zs3.data.pipelines import PIPELINES, build_test_resize
from zs3.data.reading import read_label
from zs3.data.shapes import draw_scene
from zs3.engine.weights import export_weights
from zs3.inference.load import load
from zs3.runtime.config import dump
from zs3.segmentor import ZeroShotSegmentor
from zs3.vocabulary import Vocabulary

SPNET = Path(__file__).parents[2] / "configs" / "shapes" / "spnet.yaml"


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    cfg = get_config(SPNET, ["MODEL.DEVICE", "cpu"])
    torch.manual_seed(0)
    (folder / "config.yaml").write_text(dump(cfg))
    export_weights(ZeroShotSegmentor(cfg), folder / "model_final.safetensors", {})
    Vocabulary.of(["grass", "water", "red star"]).save(folder / "vocabulary.json")
    return folder


@pytest.fixture
def segmented(model, tmp_path, capsys):
    """Runs the command on a folder of two photos; gives its code, report and output folder."""
    (tmp_path / "in").mkdir()
    for i in range(2):
        Image.fromarray(draw_scene(9, i).image).save(tmp_path / "in" / f"{i}.png")

    def run(*arguments: str, inputs: str | None = "in"):
        given = ["--model", str(model)]
        given += [] if inputs is None else ["--input", str(tmp_path / inputs)]
        code = segment.main([*given, "--output", str(tmp_path / "out"), *arguments])
        return code, json.loads((tmp_path / "out/report.json").read_text()), tmp_path / "out"

    return run


@pytest.mark.parametrize("pipeline", PIPELINES)
@pytest.mark.parametrize("size", [0, 40, 130])
def test_images_are_resized_as_in_evaluation(model, monkeypatch, pipeline, size):
    if pipeline == "zs3net" and not size:
        pytest.skip("it needs a length of the short edge")
    opts = ["INPUT.PIPELINE", pipeline, "INPUT.MIN_SIZE_TEST", str(size)]
    segmenter, given = load(model, opts), []
    monkeypatch.setattr(
        segmenter.model, "predict", lambda inputs: given.extend(inputs) or plain(inputs)
    )
    plain = type(segmenter.model).predict.__get__(segmenter.model)
    image = draw_scene(9, 0).image[:60]
    result = segmenter.segment(image)
    expected = build_test_resize(get_config(SPNET, opts)).image(image).transpose(2, 0, 1)
    assert torch.equal(given[0]["image"], torch.from_numpy(expected.copy()))
    assert result.labels.shape == (60, 96)


def test_only_words_that_were_typed_are_blamed(segmented):
    with pytest.raises(SystemExit, match=r"KEY VALUE pairs, but \['SEED'\] has 1 words\.$"):
        segmented("--opts", "SEED")


def test_all_done_is_zero_and_some_failed_is_three(segmented, tmp_path, capsys):
    code, report, output = segmented("--classes", "grass, a spoon")
    assert (code, len(report["images"])) == (0, 2)
    assert "2 of 2 images segmented; labels, overlays, report.json" in capsys.readouterr().out
    (tmp_path / "in/broken.png").touch()
    code, report, output = segmented("--classes", "grass, a spoon")
    assert (code, len(report["images"]), len(report["failed"])) == (3, 2, 1)
    assert "2 of 3 images segmented" in capsys.readouterr().out
    assert sorted(path.name for path in output.iterdir()) == [
        *("labels", "overlays", "report.csv", "report.json"),
    ]


def test_nothing_done_is_an_error(segmented, tmp_path):
    (tmp_path / "in/broken.png").touch()
    with pytest.raises(
        SystemExit, match=r"error: none of the 1 file could .* report\.json says why"
    ):
        segmented(inputs="in/broken.png")


def test_every_option_reaches_the_result(segmented, model, tmp_path):
    names = tmp_path / "names.txt"
    names.write_text("grass, lawn\nsand\n")
    options = ["--classes", str(names), "--background", "water", "--none-below", "0.4", "--half"]
    options += ["--batch", "2", "--no-overlay", "--scores", "--coco"]
    code, report, output = segmented(*options)

    assert code == 0 and report["classes"] == ["grass", "sand", "water"]
    expected = load(model, half=True).segment(
        Path(report["images"][0]["file"]),
        {"grass": ["grass", "lawn"], "sand": "sand"},
        background="water",
        none_below=0.4,
    )
    saved = read_label(output / report["images"][0]["labels"])
    is_none = expected.labels > 1
    np.testing.assert_array_equal(saved[~is_none], expected.labels[~is_none])
    assert (saved[is_none] == 255).all() and is_none.any()
    assert np.load(output / "scores/0.npz")["scores"].shape == (3, 96, 96)
    assert (output / "coco/1.json").exists() and not (output / "overlays").exists()


def test_a_list_is_an_input(segmented, tmp_path):
    listing = tmp_path / "list.txt"
    listing.write_text(f"{tmp_path / 'in/1.png'}\n")
    for arguments in (["--list", str(listing)], ["--input", f"@{listing}"]):
        _, report, _ = segmented(*arguments, inputs=None)
        assert [Path(entry["file"]).name for entry in report["images"]] == ["1.png"]


def test_what_an_earlier_run_has_done_is_told_apart(segmented, tmp_path, capsys):
    segmented(inputs="in/0.png")
    assert capsys.readouterr().out.startswith("1 of 1 image segmented; labels")
    segmented("--resume")
    assert "2 of 2 images segmented (1 of them by an earlier run); " in capsys.readouterr().out


def test_resuming_with_other_names_is_refused(segmented):
    _, first, output = segmented("--classes", "grass, sand")
    written = (output / "labels/0.png").stat().st_mtime_ns
    _, second, _ = segmented("--classes", "grass, sand", "--resume")
    assert second["images"] == first["images"]
    assert (output / "labels/0.png").stat().st_mtime_ns == written
    with pytest.raises(SystemExit, match=r"error: .*run with other settings: classes was"):
        segmented("--classes", "grass, water", "--resume")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--classes", "grass, " + "very " * 100 + "long"],
            "more than the .* tokens .* shorten it",
        ),
        (["--classes", "grass, grass"], "class names must be unique"),
        (["--classes", "missing.txt"], r"class names in missing\.txt cannot be read"),
        (["--list", "missing.txt"], r"the list missing\.txt cannot be read"),
        (["--opts", "MODEL.NAMNG.NAME", "x"], "nearest is MODEL.NAMING.NAME"),
    ],
)
def test_a_request_that_cannot_be_met_is_one_line(segmented, tmp_path, arguments, message):
    with pytest.raises(SystemExit, match=f"error: .*{message}") as stop:
        segmented(*arguments)
    assert "\n" not in str(stop.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--batch", "0"], "argument --batch: expected a number from 1 on, but got '0'"),
        (["--every", "x"], "argument --every: expected a number from 1 on, but got 'x'"),
        (["--none-below", "low"], "argument --none-below: expected a number, but got 'low'"),
        (["--none-below", "nan"], "argument --none-below: expected a number, but got 'nan'"),
    ],
)
def test_a_wrong_argument_is_two(segmented, capsys, arguments, message):
    with pytest.raises(SystemExit) as stop:
        segmented(*arguments)
    assert stop.value.code == 2
    assert message in capsys.readouterr().err


def test_an_input_is_needed(model, tmp_path):
    with pytest.raises(SystemExit, match="error: nothing to segment; name files with --input"):
        segment.main(["--model", str(model), "--output", str(tmp_path)])
