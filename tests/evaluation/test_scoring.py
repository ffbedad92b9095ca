import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zs3.data.mapper import SampleReader
from zs3.evaluation import Gallery, ZeroShotEvaluator
from zs3.evaluation.boundary import BoundaryIoU
from zs3.evaluation.confusion import confusion_matrix, summary
from zs3.evaluation.gallery import image_score
from zs3.evaluation.predictions import answer_table, pair_up
from zs3.evaluation.questions import Question
from zs3.evaluation.scoring import FileScorer, score_files
from zs3.vocabulary import Vocabulary

VOCABULARY = Vocabulary.of(["sky", "tree", "cat"], unseen=["cat"])
COUNT, H, W = 20, 5, 7  # more than one task


@pytest.fixture
def files(tmp_path):
    """Samples, the folder of predictions, and both as arrays."""
    rng = np.random.default_rng(0)
    truth = rng.choice(np.array([0, 1, 2, 255], np.uint8), (COUNT, H, W))
    labels = rng.integers(0, 3, (COUNT, H, W), np.uint8)
    for folder, maps in (("labels", truth), ("theirs", labels)):
        (tmp_path / folder).mkdir()
        for i, values in enumerate(maps):
            Image.fromarray(values).save(tmp_path / folder / f"{i:02d}.png")
    samples = [
        {"file_name": f"{i:02d}.jpg", "sem_seg_file_name": str(tmp_path / f"labels/{i:02d}.png")}
        for i in range(COUNT)
    ]
    return samples, tmp_path / "theirs", truth, labels


def scorer(protocol="generalized"):
    question = Question.about(VOCABULARY)
    evaluator = ZeroShotEvaluator(
        question, protocols=[protocol], ignore_label=255, measures=[BoundaryIoU(3)]
    )
    return FileScorer(evaluator, SampleReader(VOCABULARY), answer_table(question))


@pytest.mark.parametrize("jobs", [1, 2])
def test_files_score_as_arrays_do(files, jobs):
    samples, folder, truth, labels = files
    subject = scorer()
    results = score_files(subject, pair_up(samples, folder), jobs)["sem_seg"]
    confusion = confusion_matrix(truth, labels, 3, 255)
    expected = summary(confusion, np.array(VOCABULARY.is_seen))
    assert {name: results[name] for name in expected} == pytest.approx(expected)
    boundary = BoundaryIoU(3)
    for known, found in zip(truth, labels, strict=True):
        boundary.add(np.where(known == 255, np.int64(65535), known), found, {})
    np.testing.assert_array_equal(subject.evaluator.counts[1], boundary.counts)


def test_all_that_is_wrong_is_said_at_once(files):
    samples, folder, _, labels = files
    Image.fromarray(labels[3][:, 1:]).save(folder / "03.png")
    for i in (5, 18):
        Image.fromarray(labels[i] + 40).save(folder / f"{i:02d}.png")
    (folder / "07.png").write_bytes(b"broken")
    with pytest.raises(ValueError) as error:
        score_files(scorer(), pair_up(samples, folder))
    said = str(error.value)
    assert (
        "1 of 20 predictions have another size than their label map (03.png): 03.png is 6 x" in said
    )
    assert (
        "2 of 20 predictions hold values that are no answer (05.png, 18.png): 05.png hold" in said
    )
    assert "1 of 20 predictions cannot be read (07.png): " in said
    assert "\n" not in said


def test_sizes_may_differ_where_the_protocol_says_so(files):
    samples, folder, truth, _ = files
    for i, label in enumerate(truth):
        small = np.where(label == 255, 0, label)[::2, ::2]
        Image.fromarray(small[:2]).save(folder / f"{i:02d}.png")
    results = score_files(scorer("spnet"), pair_up(samples, folder))
    assert 0 < results["sem_seg_spnet"]["Overall Acc"] < 100


def test_broken_label_maps_are_the_dataset_s_fault(files):
    samples, folder, truth, _ = files
    Image.fromarray(truth[0] // 2 + 60).save(samples[0]["sem_seg_file_name"])
    expected = r"1 of 20 predictions have a label map that cannot be used \(00\.png\): .*label 60"
    with pytest.raises(ValueError, match=expected):
        score_files(scorer(), pair_up(samples, folder))


@pytest.mark.parametrize("jobs", [1, 2])
def test_pictures_of_the_best_and_the_worst_without_reading_the_others(files, jobs, tmp_path):
    samples, folder, truth, labels = files
    single = [confusion_matrix(*pair, 3, 255) for pair in zip(truth, labels, strict=True)]
    scores = {f"{i:02d}.jpg": image_score(each) for i, each in enumerate(single)}
    order = sorted(scores, key=lambda file: (scores[file], file))
    for sample in samples:
        name, sample["file_name"] = sample["file_name"], str(tmp_path / sample["file_name"])
        if name in (order[0], order[-1]):
            Image.fromarray(np.zeros((H, W, 3), np.uint8)).save(sample["file_name"])
    subject = scorer()
    subject.evaluator.observers = [Gallery(tmp_path / "scores", VOCABULARY, count=1)]
    score_files(subject, pair_up(samples, folder), jobs)
    kept = json.loads((tmp_path / "scores/images.json").read_text())
    assert kept["scores"] == {str(tmp_path / file): score for file, score in scores.items()}
    assert [Path(entry["file"]).name for entry in kept["worst"]] == order[:1]
    assert [Path(entry["file"]).name for entry in kept["best"]] == order[-1:]
    np.testing.assert_array_equal(
        subject.evaluator.counts[0], confusion_matrix(truth, labels, 3, 255)
    )


def test_no_processes():
    with pytest.raises(ValueError, match="1 process or more, not by 0"):
        score_files(scorer(), [], jobs=0)
