from __future__ import annotations

from dataclasses import replace

import pytest


@pytest.fixture
def contest(evaluator):
    return evaluator.Contest("zs3", "scores", classes=7, size=(48, 64), images=2)


def test_scores_and_labels_are_the_same_predictions(contest):
    seconds, miou = contest.round()
    assert seconds > 0
    assert 20 < miou < 100
    assert replace(contest, given="labels").round()[1] == miou
    assert contest.round()[1] == miou  # again


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Detectron2's
def test_both_evaluators_agree(evaluator, contest):
    if "Detectron2" not in evaluator.CONTESTANTS:
        pytest.skip("Detectron2 is not installed (docs/runtime.md says how)")
    theirs = [replace(contest, contestant="Detectron2", given=given) for given in evaluator.GIVEN]
    assert {round(each.round()[1], 8) for each in theirs} == {round(contest.round()[1], 8)}


def test_disagreement_is_an_error(evaluator, contest, monkeypatch):
    scores = [evaluator.Score(contest, [1.0], None, miou) for miou in (80.0, 80.0 + 1e-6)]
    monkeypatch.setattr(evaluator, "CONTESTANTS", ("zs3",))
    assert "not installed" in evaluator.verdict(scores)
    monkeypatch.setattr(evaluator, "CONTESTANTS", ("zs3", "Detectron2"))
    assert "agree" in evaluator.verdict(scores[:1])
    with pytest.raises(ValueError, match="the mIoU of 7 classes differ"):
        evaluator.verdict(scores)


def test_the_table(evaluator, contest, monkeypatch, capsys, tmp_path):
    def compete(contests, repeats, threads):
        return [evaluator.Score(each, [4.0, 2.0, 3.0], 5_000_000, 81.25) for each in contests]

    monkeypatch.setattr(evaluator, "compete", compete)
    document = tmp_path / "doc.md"
    document.write_text(f"{evaluator.BEGIN}\n{evaluator.END}\n")
    evaluator.main(["--classes", "7", "--markdown", str(document)])
    line = "| zs3 | scores | 7 | 3.00 | 2.00 - 4.00 | 5 | 81.2500 |"
    assert line in document.read_text()
    assert "81.2500" in capsys.readouterr().out


def test_a_document_without_a_table_is_refused_first(evaluator, monkeypatch, tmp_path):
    monkeypatch.setattr(evaluator, "compete", lambda *_: pytest.fail("it worked already"))
    (tmp_path / "doc.md").write_text("nothing")
    with pytest.raises(SystemExit, match=r"error: .*doc\.md lacks the line"):
        evaluator.main(["--markdown", str(tmp_path / "doc.md")])


def test_numbers_below_one(evaluator):
    with pytest.raises(SystemExit, match="error: classes, size, images, repeats and threads"):
        evaluator.main(["--classes", "20", "0"])
