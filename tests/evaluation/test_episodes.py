import json

import numpy as np
import pytest
import torch

from zs3.evaluation import EpisodeEvaluator, Oracle
from zs3.evaluation.episodes import VOID, EpisodeScores, Overlap, oracle_choice
from zs3.vocabulary import Vocabulary

NAMES = Vocabulary.of(["background", "cat", "dog", "owl"], unseen=["dog", "owl"])
TARGET = np.array([[1, 1, 0, VOID]])


def test_void_is_left_out_or_enlarges_the_union():
    mask = np.array([[1, 0, 0, 1]])
    left_out, counted = Overlap.of(mask, TARGET), Overlap.of(mask, TARGET, void_counts=True)
    assert left_out.inter.tolist() == counted.inter.tolist() == [1, 1]
    assert left_out.union.tolist() == [2, 2] and counted.union.tolist() == [2, 3]
    assert left_out.iou == 0.5 and Overlap.of(mask * 0, TARGET * 0).iou == 0


def test_the_oracle_takes_the_first_best_and_prefers_the_network():
    masks = [Overlap.of(np.array([row]), TARGET) for row in ([0] * 4, [1, 0, 0, 0], [0, 1, 0, 0])]
    assert oracle_choice(masks[0], masks) == 1
    assert oracle_choice(masks[2], masks) == -1


def test_scores_sum_up_before_they_divide():
    scores = EpisodeScores(NAMES.names)
    for row in ([1, 1, 0, 0], [1, 0, 0, 0]):
        scores.add(2, Overlap.of(np.array([row]), np.array([[1, 1, 0, 0]])))
    summary = scores.summary(NAMES.unseen)
    assert summary["IoU-dog"] == 75.0 and summary["IoU-owl"] == 0.0
    assert summary["mIoU"] == 37.5
    assert summary["FB-IoU"] == pytest.approx((80 + 75) / 2)


def sample(label: list[int], episode: str) -> dict:
    return {
        "image": torch.zeros(3, 1, 4),
        "sem_seg": torch.tensor([label]),
        "episode": episode,
        "file_name": f"{episode}.png",
    }


def test_an_evaluation_with_its_oracle(tmp_path):
    evaluator = EpisodeEvaluator(
        NAMES,
        ignore_label=255,
        oracle=lambda file, image, size: np.array([[[True, True, False, False]]]),
        output_dir=tmp_path,
    )
    evaluator.process(
        [sample([2, 2, 1, 255], "dog"), sample([3, 0, 0, 0], "owl")],
        [{"labels": torch.tensor([[1, 0, 0, 1]])}, {"labels": torch.tensor([[1, 0, 0, 0]])}],
    )
    results = evaluator.evaluate()
    assert results["sem_seg"]["IoU-dog"] == 50 and results["sem_seg"]["IoU-owl"] == 100
    assert results["sem_seg_oracle"]["mIoU"] == 100
    written = json.loads((tmp_path / "metrics.json").read_text())
    assert written["sem_seg_oracle"]["mIoU"] == 100 and written.keys() == results.keys()
    evaluator.reset()
    assert evaluator.evaluate()["sem_seg"]["mIoU"] == 0


def test_a_prediction_of_another_size_is_refused():
    evaluator = EpisodeEvaluator(NAMES, ignore_label=255)
    with pytest.raises(ValueError, match=r"dog.png: the prediction is \(2, 2\), but its label map"):
        evaluator.process([sample([0, 0, 0, 2], "dog")], [{"labels": torch.zeros(2, 2)}])


def test_the_oracle_of_whole_label_maps_chooses_for_every_class_an_image_shows(tmp_path):
    masks = np.array([[[True, True, False, False]]])
    oracle = Oracle(
        NAMES, ignore_label=255, masks=lambda file, image, size: masks, directory=tmp_path
    )
    truth, labels = np.array([[2, 2, 1, 255]]), np.array([[2, 3, 1, 1]])
    oracle.see("a.png", np.zeros((1, 4, 3)), truth, labels, np.zeros((4, 4)))
    oracle.finish()
    bound = json.loads((tmp_path / "oracle.json").read_text())["oracle"]
    assert bound["IoU-dog"] == 100 and bound["IoU-cat"] == 100
    assert bound["IoU-owl"] == 0  # predicted where it is not
    assert bound["U-mIoU"] == 50
