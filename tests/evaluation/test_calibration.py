import csv
import io
import json

import numpy as np
import pytest
import torch
from PIL import Image

from zs3.evaluation.calibration import RIVALS, Calibration
from zs3.evaluation.confusion import confusion_matrix, summary
from zs3.evaluation.curve import Curve
from zs3.evaluation.rivals import Rivals
from zs3.readout import ScoreMaps
from zs3.vocabulary import IGNORE

K, H, W = 7, 6, 9
IS_SEEN = torch.tensor([True, False, True, True, False, False, True])
GAMMAS = [0.0, 0.1, 0.25, 0.6]


def maps(seed, coarse=False):
    """Scores; coarse ones have many ties."""
    scores = torch.rand(K, H, W, generator=torch.Generator().manual_seed(seed))
    return (4 * scores).round() / 4 if coarse else scores


def score_maps(scores):
    return ScoreMaps(lambda classes: scores[classes], K, (H, W))


def truth(seed):
    labels = np.random.default_rng(seed).integers(0, K, (H, W))
    return np.where(np.random.default_rng(seed + 9).random((H, W)) < 0.2, IGNORE, labels)


def biased(scores, gamma):
    return (scores - gamma * IS_SEEN[:, None, None]).argmax(0)


@pytest.mark.parametrize("coarse", [False, True])
@pytest.mark.parametrize("chunk", [1, 3, 64])
def test_two_rivals_are_enough_to_know_every_answer(chunk, coarse):
    scores = maps(0, coarse)
    rivals = Rivals.of(score_maps(scores), IS_SEEN, chunk)
    for gamma in (-0.25, *GAMMAS, 2.0):
        assert torch.equal(rivals.answers(gamma), biased(scores, gamma))


def test_scores_that_are_not_a_number_are_refused():
    scores = maps(0)
    scores[3, 2, 1] = torch.nan
    with pytest.raises(ValueError, match="contain NaN"):
        Rivals.of(score_maps(scores), IS_SEEN, 3)


@pytest.mark.parametrize("offset", [0.0, 0.25])
def test_one_pass_gives_the_scores_of_every_gamma(offset):
    subject = Calibration(GAMMAS, K, offset)
    for seed in range(3):
        scores = maps(seed) - offset * IS_SEEN[:, None, None]
        rivals = Rivals.of(score_maps(scores), IS_SEEN, 4)
        subject.add(truth(seed), np.empty(0), {RIVALS: rivals})
    curve = subject.curve(IS_SEEN.numpy())

    assert curve.gammas == GAMMAS
    for g, gamma in enumerate(GAMMAS):
        confusion = sum(
            confusion_matrix(truth(seed), biased(maps(seed), gamma).numpy(), K) for seed in range(3)
        )
        expected = summary(confusion, IS_SEEN.numpy())
        assert curve.seen[g] == pytest.approx(expected["S-mIoU"])
        assert curve.unseen[g] == pytest.approx(expected["U-mIoU"])
        assert curve.harmonic[g] == pytest.approx(expected["hIoU"])


def test_gammas_are_sorted_and_there_must_be_one():
    assert Calibration([0.5, 0, 0.5], K).gammas == [0.0, 0.5]
    with pytest.raises(ValueError, match="needs a gamma at least"):
        Calibration([], K)


def test_files_of_a_curve():
    nan = float("nan")
    curve = Curve([0.0, 0.1, 0.2], [30.0, 20.0, nan], [0.0, 10.0, 40.0])
    assert curve.best == 1
    files = curve.files()
    told = json.loads(files["calibration.json"])
    assert told["gammas"] == [0.0, 0.1, 0.2] and told["S"] == [30.0, 20.0, None]
    assert told["hIoU"] == [0.0, pytest.approx(40 / 3, abs=1e-6), None]
    assert told["best"] == 0.1 and "not a fair result" in told["note"]
    rows = list(csv.reader(io.StringIO(files["calibration.csv"].decode())))
    assert rows[0] == ["gamma", "S", "U", "hIoU"] and rows[1] == ["0.0", "30.0", "0.0", "0.0"]
    assert rows[3] == ["0.2", "", "40.0", ""]
    with Image.open(io.BytesIO(files["calibration.png"])) as picture:
        assert picture.format == "PNG" and min(picture.size) > 300
