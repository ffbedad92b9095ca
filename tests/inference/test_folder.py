"""Files in any state: the good ones are segmented as if alone, the others reported."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from thresholder import NAMES, Thresholder, half_bright, save

from zs3.data.reading import read_label
from zs3.inference.ahead import THREADS
from zs3.inference.folder import segment_files
from zs3.inference.inputs import find_inputs
from zs3.inference.outputs import Outputs
from zs3.inference.predictor import Request
from zs3.vocabulary import Vocabulary


def run(photos: Path, output: Path, segmenter: Thresholder | None = None, **options):
    kinds = options.pop("kinds", ("labels", "overlay"))
    request = Request(options.pop("names", NAMES), scores="scores" in kinds)
    return segment_files(
        segmenter or Thresholder(),
        find_inputs([photos]),
        Outputs(output, kinds),
        request,
        **options,
    )


def names_of(entries) -> set[str]:
    return {Path(entry["file"]).name for entry in entries}


def results(output: Path) -> set[str]:
    """All files but the reports."""
    files = (path for path in output.rglob("*") if path.is_file() and path.parent != output)
    return {path.relative_to(output).as_posix() for path in files}


@pytest.fixture
def good(tmp_path) -> Path:
    """Four readable images, one in a folder inside."""
    for name in ("a.png", "b.png", "deep/a.png", "c.jpg"):
        save(tmp_path / "in" / name)
    return tmp_path / "in"


@pytest.fixture
def hostile(tmp_path) -> tuple[Path, set[str]]:
    """A folder of everything, and what of it can be read."""
    folder = tmp_path / "in"
    image = half_bright(60, 80)
    rgb = Image.fromarray(image)
    turned = Image.Exif()
    turned[0x0112] = 6
    noise = np.random.default_rng(0).integers(0, 256, (90, 70, 3), np.uint8)
    folder.mkdir()
    deep = Image.fromarray(image[..., 0].astype(np.uint16) * 257)
    for name, picture, options in (
        ("plain.jpg", rgb, {}),
        ("sixteen bits.png", deep, {}),
        ("print.jpg", rgb.convert("CMYK"), {}),
        ("palette.png", rgb.quantize(8), {}),
        ("transparent.png", rgb.convert("RGBA"), {}),
        ("turned.jpg", rgb, {"exif": turned}),
        ("moving.gif", rgb.quantize(8), {"save_all": True, "append_images": [rgb.quantize(4)]}),
        ("one.png", rgb.resize((1, 1)), {}),
        ("line.png", rgb.resize((1, 500)), {}),
        ("huge.jpg", rgb.resize((1600, 1200)), {}),
        ("new\nline.png", rgb, {}),
        ("Übung 写真.webp", rgb, {}),
        (os.fsdecode(b"latin \xe4.png"), rgb, {}),
    ):
        picture.save(folder / name, **options)
    readable = {path.name for path in folder.iterdir()}
    (folder / "empty.jpg").touch()
    (folder / "text.jpg").write_text("not an image")
    (folder / "folder.jpg").mkdir()
    (folder / "dangling.jpg").symlink_to("nowhere")
    Image.fromarray(noise).save(folder / "truncated.jpg")
    whole = (folder / "truncated.jpg").read_bytes()
    (folder / "truncated.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "truncated\r.png").write_bytes((folder / "one.png").read_bytes()[:45])
    (folder / "notes.txt").write_text("ignored")
    return folder, readable


def test_readable_files_are_segmented_as_alone_and_others_reported(
    hostile, tmp_path, capfd, monkeypatch
):
    folder, readable = hostile
    monkeypatch.setattr("zs3.inference.predictor.WORKING_PIXELS", 40_000)
    output = tmp_path / "out"
    report = run(folder, output, batch=3)

    assert json.loads((output / "report.json").read_bytes()) == report
    assert report["complete"] and report["classes"] == ["dark", "bright"]
    assert names_of(report["images"]) == readable
    assert len(report["failed"]) == 6
    for entry in report["failed"]:
        assert Path(entry["file"]).name in entry["reason"]
        assert "Traceback" not in entry["reason"]
    for entry in report["images"]:
        alone = Thresholder().segment(Path(entry["file"]), scores=False)
        np.testing.assert_array_equal(read_label(output / entry["labels"]), alone.labels)
        assert entry["size"] == list(alone.labels.shape)
        assert entry["found"] == alone.found
        assert (output / entry["overlay"]).exists()
    sizes = {Path(entry["file"]).name: entry["size"] for entry in report["images"]}
    assert sizes["huge.jpg"] == [1200, 1600] and sizes["turned.jpg"] == [80, 60]
    told = capfd.readouterr().err
    assert "truncated\\r.png" in told and told.count("failed: ") == 6


def test_the_table_has_a_line_a_file(hostile, tmp_path):
    report = run(hostile[0], tmp_path / "out")
    with (tmp_path / "out/report.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(report["images"]) + len(report["failed"])
    by_name = {Path(row["file"]).name: row for row in rows}
    assert by_name["plain.jpg"]["status"] == "done"
    shares = [float(by_name["plain.jpg"][column]) for column in ("dark", "bright", "none")]
    assert shares == pytest.approx([0.5, 0.5, 0.0], abs=0.02)
    assert by_name["text.jpg"]["status"] == "failed"
    assert "Pillow knows no such format" in by_name["text.jpg"]["reason"]
    assert by_name["new\nline.png"]["height"] == "60"


def test_results_lie_as_the_files_do(good, tmp_path):
    report = run(good, tmp_path / "out", kinds=("labels", "scores", "coco"))
    assert [entry["labels"] for entry in report["images"]] == [
        *("labels/a.png", "labels/b.png", "labels/c.png", "labels/deep/a.png"),
    ]
    assert (tmp_path / "out/scores/deep/a.npz").exists()
    assert (
        json.loads((tmp_path / "out/coco/c.json").read_text())["images"][0]["file_name"] == "c.jpg"
    )
    assert not (tmp_path / "out/overlays").exists()


def test_only_images_of_one_size_share_a_batch(tmp_path):
    for i, side in enumerate((8, 8, 8, 9, 9, 8)):
        save(tmp_path / "in" / f"{i}.png", half_bright(6, side))
    segmenter = Thresholder()
    run(tmp_path / "in", tmp_path / "out", segmenter, batch=2)
    assert segmenter.batches == [1, 2, 1, 2, 1]  # after a grey image for the names


def test_what_one_image_does_to_the_model_is_its_own_affair(good, tmp_path):
    class Small(Thresholder):
        """No memory for more than one image, and none at all for one of them."""

        def segment_batch(self, photos, request):
            if len(photos) > 1 or (photos[0].file and photos[0].file.name == "b.png"):
                raise RuntimeError("out of memory")
            return super().segment_batch(photos, request)

    report = run(good, tmp_path / "out", Small(), batch=4)
    assert names_of(report["images"]) == {"a.png", "c.jpg"}
    assert [entry["reason"] for entry in report["failed"]] == [
        f"{good / 'b.png'} failed with RuntimeError: out of memory"
    ]


def test_names_that_cannot_be_asked_for_are_refused_at_once(good, tmp_path):
    class Picky(Thresholder):
        def segment_batch(self, photos, request):
            raise ValueError("the prompt is too long")

    with pytest.raises(ValueError, match="prompt is too long"):
        run(good, tmp_path / "out", Picky())
    assert not (tmp_path / "out").exists()


def test_resuming_leaves_out_what_is_finished(good, tmp_path):
    (good / "broken.png").touch()
    first = run(good, tmp_path / "out")
    (tmp_path / "out/overlays/b.png").unlink()
    save(good / "broken.png")
    os.utime(good / "c.jpg", (1e9, 1e9))  # another one, and older
    (good / "a.png").with_name("new.png").write_bytes((good / "a.png").read_bytes())
    (tmp_path / "out/labels/.a.png.1.unfinished").touch()
    save(tmp_path / "out/overlays/.video.unfinished/half.png")

    segmenter = Thresholder()
    second = run(good, tmp_path / "out", segmenter, resume=True)

    assert len(segmenter.batches) == 1 + 4  # b, broken, c, new
    assert names_of(second["images"]) == {"a.png", "b.png", "broken.png", "c.jpg", "new.png"}
    assert not second["failed"]
    assert second["images"][0] == first["images"][0]
    assert (first["kept"], second["kept"]) == (0, 2)  # a, deep/a
    assert not list((tmp_path / "out").rglob("*unfinished*"))
    segmenter = Thresholder()
    run(good, tmp_path / "out", segmenter)
    assert len(segmenter.batches) == 1 + 6


def test_resuming_needs_the_same_settings(good, tmp_path):
    run(good, tmp_path / "out", settings={"weights": "1a"})
    with pytest.raises(ValueError, match=r'other settings: weights was "1a", and is "2b"; leave'):
        run(good, tmp_path / "out", resume=True, settings={"weights": "2b"})
    other = Vocabulary.of(["dark", "light"])
    with pytest.raises(ValueError, match=r"other settings: classes was"):
        run(good, tmp_path / "out", resume=True, settings={"weights": "1a"}, names=other)
    (tmp_path / "out/report.json").write_text("{}")
    with pytest.raises(ValueError, match=r"report\.json is no report of an earlier run"):
        run(good, tmp_path / "out", resume=True)


def test_files_of_others_are_not_overwritten(good, tmp_path):
    truth = save(tmp_path / "out/labels/a.png")
    before = truth.read_bytes()
    with pytest.raises(ValueError, match=r"out/labels/a\.png is not of an earlier run"):
        run(good, tmp_path / "out")
    assert truth.read_bytes() == before


def test_a_folder_of_results_holds_those_of_one_request(good, tmp_path):
    run(good, tmp_path / "out", kinds=("labels", "coco"))
    for name in ("b.png", "c.jpg", "deep/a.png"):
        (good / name).unlink()
    run(good, tmp_path / "out", names=Vocabulary.of(["night", "day"]))
    assert results(tmp_path / "out") == {"labels/a.png", "overlays/a.png"}
    assert not (tmp_path / "out/coco").exists() and not (tmp_path / "out/labels/deep").exists()


def test_beside_results_files_of_others_are_refused_and_kept(good, tmp_path):
    run(good, tmp_path / "out")
    before = results(tmp_path / "out")
    save(tmp_path / "out/labels/mine.png")
    with pytest.raises(ValueError, match=r"labels/mine\.png is not of an earlier run that .*json"):
        run(good, tmp_path / "out", kinds=("labels",))
    assert results(tmp_path / "out") == before | {"labels/mine.png"}
    (tmp_path / "out/report.json").write_text("{}")
    with pytest.raises(ValueError, match=r"report\.json is no report of an earlier run; take"):
        run(good, tmp_path / "out")


def test_results_that_are_to_be_segmented_are_not_deleted(good, tmp_path):
    run(good, tmp_path / "out")
    before = results(tmp_path / "out")
    with pytest.raises(ValueError, match=r"overlays/a\.png is to be segmented, but the earlier"):
        run(tmp_path / "out/overlays/a.png", tmp_path / "out")
    assert results(tmp_path / "out") == before


def test_what_fails_keeps_no_earlier_results(good, tmp_path):
    run(good, tmp_path / "out")
    (good / "b.png").write_text("no image any more")
    run(good, tmp_path / "out", resume=True)
    assert "labels/a.png" in results(tmp_path / "out")
    assert "labels/b.png" not in results(tmp_path / "out")


def test_an_interrupted_run_keeps_what_it_had(tmp_path):
    class Interrupted(Thresholder):
        def segment_batch(self, photos, request):
            if len(self.batches) == 25:
                raise KeyboardInterrupt
            return super().segment_batch(photos, request)

    for i in range(30):
        save(tmp_path / "in" / f"{i}.png")
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "in", tmp_path / "out", Interrupted())
    report = json.loads((tmp_path / "out/report.json").read_text())
    assert not report["complete"]
    assert 24 - 2 * THREADS <= len(report["images"]) <= 24
    assert all((tmp_path / "out" / entry["labels"]).exists() for entry in report["images"])
    # Some more may have been written than the report has, but none that it did not plan.
    planned = {entry["labels"] for entry in report["planned"]}
    assert planned == {f"labels/{i}.png" for i in range(30)}
    segmenter = Thresholder()
    whole = run(tmp_path / "in", tmp_path / "out", segmenter, resume=True)
    assert len(whole["images"]) == 30 and "planned" not in whole
    assert len(segmenter.batches) == 1 + 30 - len(report["images"])


def test_a_run_that_was_killed_can_be_done_again(good, tmp_path):
    run(good, tmp_path / "out")
    file = tmp_path / "out/report.json"
    report = json.loads(file.read_text())
    report["planned"], report["images"] = report["images"], []  # as it was at the start
    file.write_text(json.dumps(report))
    (good / "b.png").unlink()
    save(tmp_path / "out/overlays/.video.unfinished/half.png")
    run(good, tmp_path / "out")
    assert "labels/b.png" not in results(tmp_path / "out")
