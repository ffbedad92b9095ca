import json

import numpy as np
import pytest
import torch
from PIL import Image

from zs3.evaluation.episodes import episode_pixels, episode_scores
from zs3.evaluation.folds import FoldEvaluator
from zs3.evaluation.masks import MaskFolder
from zs3.vocabulary import IGNORE, Vocabulary

VOCABULARY = Vocabulary.of(["others", "cat", "dog", "cow"], unseen=["dog", "cow"])
LABELS = torch.tensor([[0, 1, 2, 2], [3, 3, 255, 2]])
PREDICTIONS = {
    "dog": torch.tensor([[0, 0, 1, 1], [0, 1, 1, 0]]),
    "cow": torch.tensor([[0, 0, 0, 0], [1, 0, 0, 0]]),
}


def sample(name):
    return {
        "file_name": "photos/a.jpg",
        "episode": name,
        "image": torch.zeros(3, 2, 4),
        "sem_seg": LABELS,
    }


def evaluate(subject, *names):
    subject.reset()
    for name in names:
        subject.process([sample(name)], [{"labels": PREDICTIONS[name]}])
    return subject.evaluate()


def evaluator(*protocols, **kwargs):
    return FoldEvaluator(VOCABULARY, protocols=protocols, ignore_label=255, **kwargs)


def pixels(name, mask, void_counts=False):
    truth = LABELS.numpy()
    target = np.where(truth == 255, IGNORE, truth == VOCABULARY.index(name))
    return episode_pixels(target, mask, void_counts)


def test_every_name_that_episodes_ask_for_is_known_beforehand():
    assert evaluator("generalized").asked.names == ("others", "dog", "cow")


def test_every_class_has_counts_of_its_own(tmp_path):
    results = evaluate(evaluator("generalized", "sazs", output_dir=tmp_path), "dog", "cow", "dog")
    for task, void_counts in (("sem_seg", False), ("sem_seg_sazs", True)):
        dog = 2 * pixels("dog", PREDICTIONS["dog"].numpy(), void_counts)
        cow = pixels("cow", PREDICTIONS["cow"].numpy(), void_counts)
        expected = episode_scores(np.stack([dog, cow], -1))
        expected |= {f"IoU-{n}": 100 * p[0, 1] / p[1, 1] for n, p in (("dog", dog), ("cow", cow))}
        assert results[task] == pytest.approx(expected)
    assert results["sem_seg"]["IoU-dog"] == 50 and results["sem_seg_sazs"]["IoU-dog"] == 40
    written = json.loads((tmp_path / "metrics.json").read_text())
    assert written["sem_seg_sazs"]["IoU-dog"] == 40


def test_a_class_without_episodes():
    assert evaluate(evaluator("generalized"), "dog")["sem_seg"]["mIoU"] == 50
    assert evaluate(evaluator("sazs"), "dog")["sem_seg_sazs"]["mIoU"] == 20


def test_the_oracle_takes_the_mask_that_fits_the_truth(tmp_path):
    perfect = (LABELS == 2).numpy()
    for i, mask in enumerate((~perfect, perfect)):
        Image.fromarray(mask.astype(np.uint8) * 255).save(tmp_path / f"a_k{i}.png")
    subject = evaluator("sazs", "sazs_oracle", masks=MaskFolder(tmp_path))
    results = evaluate(subject, "dog")
    assert results["sem_seg_sazs_oracle"]["IoU-dog"] == 100
    assert results["sem_seg_sazs"]["IoU-dog"] == 40
    with pytest.raises(FileNotFoundError, match=r"has no masks b_k0\.png"):
        MaskFolder(tmp_path)("b.jpg", np.zeros((2, 4, 3)), (2, 4))


def test_labels_are_resized_to_predictions_for_lseg():
    labels = LABELS[:, ::2] == 2
    subject = evaluator("lseg")
    subject.process([sample("dog")], [{"labels": labels.long()}])
    assert subject.evaluate()["sem_seg_lseg"]["IoU-dog"] == 100


def test_refusals():
    with pytest.raises(ValueError, match=r"of episodes is called 'lsegg'\. Did you mean 'lseg'"):
        evaluator("lsegg")
    with pytest.raises(ValueError, match="compare at different sizes"):
        evaluator("lseg", "sazs")
    with pytest.raises(ValueError, match=r"oracle needs masks.*TEST\.ORACLE True"):
        evaluator("sazs_oracle")
    with pytest.raises(ValueError, match=r"photos/a\.jpg: class 'cat' is not in the vocabulary"):
        evaluator("sazs").process([sample("cat")], [{"labels": PREDICTIONS["dog"]}])
    with pytest.raises(ValueError, match=r"photos/a\.jpg: the prediction is \(2, 3\)"):
        evaluator("sazs").process([sample("dog")], [{"labels": PREDICTIONS["dog"][:, :3]}])
