"""The page as text: whole, well formed, with the right numbers, and nobody's words as markup."""

from __future__ import annotations

import base64
import json
import re
from html.parser import HTMLParser

import pytest

from zs3.evaluation.page import write_page

EVIL = "<b>\"bold\"</b> & 'quoted'<script>alert(1)</script>"
NAMES = [EVIL, *(f"class {k}" for k in range(1, 8))]
UNSEEN = NAMES[::3]
# What HTML lets stand without an end.
VOID = {"meta", "img", "br", "link", "hr", "input"}


class Page(HTMLParser):
    """Tags, attributes and text of a page; refuses tags that do not nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert not self._open, f"never closed: {self._open}"

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID and not self.get_starttag_text().endswith("/>"):
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag):
        assert self._open and self._open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data):
        if self._open and self._open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture
def page_of(tmp_path):
    def page_of(*folders):
        path = tmp_path / "page.html"
        write_page(folders, path)
        return path.read_text(encoding="utf-8")

    return page_of


def test_it_loads_nothing_and_runs_nothing(evaluate, page_of):
    text = page_of(evaluate("first", NAMES, UNSEEN))
    page = Page(text)
    assert not {"script", "link", "iframe", "object", "base", "form"} & set(page.tags)
    for name, value in page.attributes:
        if name in ("src", "href", "srcset", "data", "action", "poster", "xlink:href"):
            assert value.startswith("data:image/"), f"{name}={value[:50]}"
        assert not name.startswith("on"), f"{name} runs a script"
    assert not re.search(r"url\(|@import", text)
    assert "default-src 'none'" in text


def test_names_are_text_wherever_they_stand(evaluate, page_of):
    page = Page(page_of(evaluate("first", NAMES, UNSEEN)))
    assert EVIL in page.words
    assert any(EVIL in value for name, value in page.attributes if name == "title")
    assert any(NAMES[0][:21] in word for word in page.words if word.endswith("…")), "a cut label"


def test_the_scores_are_there(evaluate, page_of):
    folder = evaluate("first", NAMES, UNSEEN)
    text = Page(page_of(folder)).text
    scores = json.loads((folder / "metrics.json").read_text())["sem_seg"]
    for name in ("hIoU", "S-mIoU", "U-mIoU", "U-odd", "pAcc", "mAcc", "mIoU"):
        assert f"{name} {scores[name]:.1f}" in text, name
    for name in NAMES[1:]:
        assert f"{name} {scores[f'IoU-{name}']:.1f} {scores[f'ACC-{name}']:.1f}" in text, name
    assert "5 seen and 3 unseen classes" in text and "5 images" in text


def test_scores_of_another_protocol_alone(evaluate, page_of):
    folder = evaluate("first", NAMES, UNSEEN, protocols=["mmseg"])
    other = evaluate("second", NAMES, UNSEEN)
    scores = json.loads((folder / "metrics.json").read_text())["sem_seg_mmseg"]
    assert f"hIoU {scores['hIoU']:.1f}" in Page(page_of(folder)).text
    standard = json.loads((other / "metrics.json").read_text())["sem_seg"]
    text = Page(page_of(folder, other)).text
    assert "protocol mmseg" in text and f"hIoU {scores['hIoU']:.1f} -" in text
    assert f"hIoU - {standard['hIoU']:.1f}" in text


def test_a_score_that_is_undefined_is_a_dash(evaluate, page_of):
    folder = evaluate("first", NAMES, UNSEEN)
    metrics = json.loads((folder / "metrics.json").read_text())
    metrics["sem_seg"]["U-odd"] = None
    metrics["sem_seg_spnet"] = {"Mean IoU": 12.34, "Mean Acc": None}
    (folder / "metrics.json").write_text(json.dumps(metrics))
    text = Page(page_of(folder)).text
    assert "U-odd - mean IoU of the unseen classes of kind odd" in text
    assert "protocol spnet" in text and "Mean IoU 12.3" in text and "Mean Acc -" in text


def test_the_run_is_told_exactly(evaluate, page_of):
    config = "SEED: 3\nOUTPUT_DIR: 'a<b'\n"
    folder = evaluate("first", NAMES, UNSEEN, config=config)
    record = json.loads((folder / "run.json").read_text())
    page = Page(page_of(folder))
    assert config in page.words
    for word in (record["command"], str(record["seed"]), record["machine"]["cpu"]):
        assert word in page.text
    assert f"torch {record['versions']['torch']}" in page.text


def test_pictures_are_whole(evaluate, page_of):
    text = page_of(evaluate("first", NAMES, UNSEEN))
    uris = re.findall(r'src="data:image/(jpeg|png);base64,([^"]+)"', text)
    assert len(uris) == 5 * 4, "of 5 images the 2 best and the 3 worst, 4 pictures each"
    starts = {"jpeg": b"\xff\xd8\xff", "png": b"\x89PNG"}
    assert all(base64.b64decode(data).startswith(starts[kind]) for kind, data in uris)


def test_what_was_not_written_is_left_out(evaluate, page_of):
    folder = evaluate("first", NAMES)
    for name in ("confusion.npz", "images.json", "run.json"):
        (folder / name).unlink()
    text = Page(page_of(folder)).text
    headings = ("Where the pixels go", "Confusions", "Images", "Run", "Calibration")
    assert not any(f" {heading} " in text for heading in headings)
    assert "Scores" in text and "Classes" in text


def test_several_runs_stand_side_by_side(evaluate, page_of):
    first = evaluate("first", NAMES, UNSEEN, found=0.5, config="SEED: 0\nMODEL:\n  NAME: a\n")
    second = evaluate("second", NAMES, UNSEEN, found=0.9, config="SEED: 0\nMODEL:\n  NAME: b\n")
    html = page_of(first, second)
    page = Page(html)
    scores = [json.loads((f / "metrics.json").read_text())["sem_seg"] for f in (first, second)]
    assert f"hIoU {scores[0]['hIoU']:.1f} {scores[1]['hIoU']:.1f}" in page.text
    assert f"<b>{scores[1]['hIoU']:.1f}</b>" in html, "the better one stands out"
    assert f"<b>{scores[0]['hIoU']:.1f}</b>" not in html
    assert "what differs first second MODEL.NAME a b" in page.text
    assert page.words.count("first") >= 5


def test_only_configurations_that_are_known_are_compared(evaluate, page_of):
    folders = [
        evaluate(run, NAMES, UNSEEN, config=f"SEED: 0\nMODEL:\n  NAME: {run}\n")
        for run in ("first", "theirs", "third")
    ]
    record = json.loads((folders[1] / "run.json").read_text())
    del record["config"]
    (folders[1] / "run.json").write_text(json.dumps(record))
    assert "what differs first third MODEL.NAME first third" in Page(page_of(*folders)).text
    text = Page(page_of(*folders[:2])).text
    assert text.count(f" seed {record['seed']} ") == 1, "nothing is drawn where files are scored"
    assert "what differs" not in text and text.count(record["versions"]["torch"]) == 2


def test_sets_follow_one_another(evaluate, page_of):
    one = evaluate("first", NAMES, UNSEEN, dataset="toy_fresh")
    evaluate("first", NAMES, UNSEEN, dataset="toy_test")
    page = Page(page_of(one.parents[1]))
    assert page.tags.count("article") == 2
    assert page.words.count("toy_fresh") == page.words.count("toy_test") == 1


def test_a_calibration_is_drawn(evaluate, page_of):
    folder = evaluate("first", NAMES, UNSEEN)
    calibration = {"gammas": [0, 0.5], "S": [50, 40], "U": [0, 30], "hIoU": [0, 34.29]}
    (folder / "calibration.json").write_text(json.dumps(calibration))
    html = page_of(folder)
    assert html.count("<polyline") == 3
    text = Page(html).text
    assert "hIoU, highest (34.3) with gamma 0.5" in text
    assert "found on the very images it is scored on: an upper bound, not a fair result" in text
    assert "protocol" not in text


def test_calibrations_of_other_protocols_of_the_same_evaluation_are_drawn(evaluate, page_of):
    folder = evaluate("first", NAMES, UNSEEN)
    calibration = {"gammas": [0, 0.5], "S": [50, 40], "U": [0, 30], "hIoU": [0, 34.29]}
    for name, config in (("spnet", "SEED: 0\n"), ("earlier", "SEED: 1\n")):
        (folder / name).mkdir()
        (folder / name / "calibration.json").write_text(json.dumps(calibration))
        (folder / name / "run.json").write_text(json.dumps({"config": config}))
    assert "protocol spnet" in (text := Page(page_of(folder)).text)
    assert page_of(folder).count("<polyline") == 3 and "earlier" not in text
    (folder / "calibration.json").write_text(json.dumps(calibration))
    assert page_of(folder).count("<polyline") == 6


@pytest.mark.parametrize(("count", "most"), [(36, 3), (847, 6)])
def test_its_size_is_bounded(evaluate, page_of, count, most):
    names = [f"class number {k}, or another word for it" for k in range(count)]
    # Noise is the worst that can happen to pictures and to the matrix.
    folder = evaluate("first", names, names[::4], images=12, found=0.3, size=(240, 320))
    text = page_of(folder)
    assert 0.3 * 2**20 < len(text.encode()) < most * 2**20


def test_the_same_evaluation_gives_the_same_page(evaluate, page_of):
    folder = evaluate("first", NAMES, UNSEEN)
    assert page_of(folder) == page_of(folder)
