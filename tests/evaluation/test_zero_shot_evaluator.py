import csv
import json
import math
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist
from PIL import Image

from zs3.data.mapper import SampleReader
from zs3.evaluation import Gallery, ZeroShotEvaluator
from zs3.evaluation.boundary import BoundaryIoU
from zs3.evaluation.comparisons import Comparisons
from zs3.evaluation.confusion import confusion_matrix, summary
from zs3.evaluation.questions import Question
from zs3.runtime.data import MetadataCatalog
from zs3.vocabulary import Vocabulary

NAMES = ("sky", "tree", "cat", "dog", "car")
VOCABULARY = Vocabulary.of(NAMES, unseen=["tree", "dog", "car"])
KINDS = {"animal": ("dog",), "other": ("tree", "car")}
K, H, W = 5, 6, 8


def samples(count, seed=0):
    """Inputs without cars, of which some pixels are unlabelled, and scores for them."""
    generator = torch.Generator().manual_seed(seed)
    inputs, outputs = [], []
    for i in range(count):
        label = torch.randint(0, K - 1, (H, W), generator=generator)
        label[torch.rand(H, W, generator=generator) < 0.2] = 255
        image = torch.randint(0, 256, (3, 2 * H, 2 * W), generator=generator, dtype=torch.uint8)
        name = f"photos/{i}.jpg"
        inputs.append({"image": image, "sem_seg": label, "file_name": name, "image_id": i})
        noise = 2 * torch.rand(K, H, W, generator=generator)
        truth = torch.nn.functional.one_hot(label.clamp(max=K - 1), K).permute(2, 0, 1)
        outputs.append({"sem_seg": noise + truth})
    return inputs, outputs


def evaluator(question=VOCABULARY, **kwargs):
    return ZeroShotEvaluator(question, **{"ignore_label": 255, "kinds": KINDS, **kwargs})


def evaluate(subject, inputs, outputs):
    subject.reset()
    subject.process(inputs, outputs)
    return subject.evaluate()


def test_it_reports_what_the_pure_functions_compute():
    inputs, outputs = samples(3)
    results = evaluate(evaluator(), inputs, outputs)

    truth = torch.stack([sample["sem_seg"] for sample in inputs]).numpy()
    labels = torch.stack([output["sem_seg"].argmax(0) for output in outputs]).numpy()
    confusion = confusion_matrix(truth, labels, K, ignore=255)
    kinds = {"animal": np.arange(K) == 3, "other": np.isin(np.arange(K), (1, 4))}
    expected = summary(confusion, np.array(VOCABULARY.is_seen), kinds)
    found, total = np.diag(confusion), confusion.sum(1)
    assert list(results) == ["sem_seg"]
    scores = results["sem_seg"]
    assert {name: scores[name] for name in expected} == expected
    for k, name in enumerate(NAMES[:-1]):
        assert scores[f"ACC-{name}"] == pytest.approx(100 * found[k] / total[k])
    assert math.isnan(scores["IoU-car"])
    assert scores["U-other"] == scores["IoU-tree"]
    assert len(scores) == len(expected) + 2 * K


def test_labels_and_batches_score_as_scores_do():
    inputs, outputs = samples(4)
    labels = [{"labels": output["sem_seg"].argmax(0)} for output in outputs]
    subject = evaluator()
    expected = evaluate(subject, inputs, outputs)
    subject.reset()
    for i in (2, 0):
        subject.process(inputs[i : i + 2], labels[i : i + 2])
    got = subject.evaluate()
    assert got["sem_seg"] == pytest.approx(expected["sem_seg"], nan_ok=True)


def test_eight_bits_are_as_good(tmp_path):
    inputs, outputs = samples(2)
    labels = [{"labels": output["sem_seg"].argmax(0)} for output in outputs]
    measures = [BoundaryIoU(K)]
    expected = evaluate(evaluator(measures=measures), inputs, labels)
    small = [{**sample, "sem_seg": sample["sem_seg"].to(torch.uint8)} for sample in inputs]
    labels = [{"labels": output["labels"].to(torch.uint8)} for output in labels]
    got = evaluate(evaluator(measures=measures), small, labels)
    assert got["sem_seg"] == pytest.approx(expected["sem_seg"], nan_ok=True)


def test_a_second_round_starts_from_nothing():
    subject = evaluator()
    inputs, outputs = samples(2)
    first = evaluate(subject, inputs, outputs)["sem_seg"]
    evaluate(subject, *samples(2, seed=1))
    assert evaluate(subject, inputs, outputs)["sem_seg"] == pytest.approx(first, nan_ok=True)


def observers(folder):
    return [Comparisons(folder / "pictures", 9, VOCABULARY), Gallery(folder, VOCABULARY, count=2)]


def evaluate_share(rank, folder):
    """What one of two processes does."""
    store = f"file://{folder}/store"
    timeout = timedelta(minutes=2)
    dist.init_process_group("gloo", store, world_size=2, rank=rank, timeout=timeout)
    try:
        inputs, outputs = samples(5)
        share = slice(0, 3) if rank == 0 else slice(3, 5)
        own = folder / str(rank)
        measures = [BoundaryIoU(K)]
        subject = evaluator(output_dir=own, observers=observers(own), measures=measures)
        results = evaluate(subject, inputs[share], outputs[share])
        (folder / f"{rank}.json").write_text(json.dumps(results))
    finally:
        dist.destroy_process_group()


def test_two_processes_score_as_one(tmp_path):
    code = f"import pathlib, {Path(__file__).stem} as test; "
    code += f"test.evaluate_share(1, pathlib.Path({str(tmp_path)!r}))"
    here = Path(__file__).parent
    path = os.pathsep.join([str(here), str(here.parents[1]), os.environ.get("PYTHONPATH", "")])
    other = subprocess.Popen([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": path})
    try:
        evaluate_share(0, tmp_path)
        assert other.wait(timeout=60) == 0
    finally:
        other.kill()
        other.wait()

    alone = evaluator(observers=observers(tmp_path / "alone"), measures=[BoundaryIoU(K)])
    expected = evaluate(alone, *samples(5))["sem_seg"]
    for rank in (0, 1):
        got = json.loads((tmp_path / f"{rank}.json").read_text())["sem_seg"]
        assert got == pytest.approx(expected, nan_ok=True)
    # Only the main process writes, of what all have seen; it draws what it has seen itself.
    images = [tmp_path / name / "images.json" for name in ("0", "alone")]
    assert images[0].read_bytes() == images[1].read_bytes()
    assert len(list((tmp_path / "0" / "pictures").iterdir())) == 3
    assert not (tmp_path / "1").exists()


def test_files(tmp_path):
    folder = tmp_path / "evaluation"
    drawn = Comparisons(folder / "pictures", 2, VOCABULARY)
    subject = evaluator(
        output_dir=folder, observers=[drawn], protocols=["generalized", "zegformer"]
    )
    results = evaluate(subject, *samples(3))

    assert sorted(path.name for path in folder.iterdir()) == [
        "confusion.npz",
        "metrics.json",
        "per_class.csv",
        "pictures",
    ]
    assert sorted(path.name for path in (folder / "pictures").iterdir()) == [
        "000_0.png",
        "001_1.png",
    ]

    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    written = json.loads((folder / "metrics.json").read_text(), parse_constant=refuse)
    assert list(written) == ["sem_seg", "sem_seg_zegformer"]
    assert written["sem_seg"]["IoU-car"] is None
    assert written["sem_seg"]["hIoU"] == pytest.approx(results["sem_seg"]["hIoU"], abs=1e-4)
    assert written["sem_seg_zegformer"]["unseen_IoU"] is None

    rows = list(csv.DictReader((folder / "per_class.csv").read_text().splitlines()))
    assert [row["class"] for row in rows] == list(NAMES)
    assert [row["split"] for row in rows] == ["seen", "unseen", "seen", "unseen", "unseen"]
    assert [row["kind"] for row in rows] == ["", "other", "", "animal", "other"]
    assert float(rows[3]["IoU"]) == pytest.approx(results["sem_seg"]["IoU-dog"], abs=1e-4)
    assert rows[4]["IoU"] == rows[4]["accuracy"] == "" and rows[4]["truth_pixels"] == "0"
    labelled = sum(int((sample["sem_seg"] != 255).sum()) for sample in samples(3)[0])
    assert sum(int(row["truth_pixels"]) for row in rows) == labelled
    assert sum(int(row["predicted_pixels"]) for row in rows) == labelled

    with np.load(folder / "confusion.npz") as file:
        assert file["names"].tolist() == list(NAMES)
        assert file["is_seen"].tolist() == list(VOCABULARY.is_seen)
        assert file["confusion"].dtype == np.int64 and file["confusion"].shape == (K, K)
        assert file["confusion"].sum(1).tolist() == [int(row["truth_pixels"]) for row in rows]
        assert file["no_class"].tolist() == [0] * K


def test_a_registered_dataset_and_label_files(tmp_path):
    Image.fromarray(np.full((H, W, 3), 90, np.uint8)).save(tmp_path / "image.png")
    stored = np.tile(np.array([1, 7, 0, 7, 1, 1, 0, 7], np.uint8), (H, 1))
    Image.fromarray(stored).save(tmp_path / "label.png")
    name = f"evaluated_{tmp_path.name}"
    MetadataCatalog.get(name).set(
        stuff_classes=["sky", "tree"],
        unseen=["tree"],
        ignore_label=255,
        label_values={1: 0, 7: 1, 0: 255},
    )
    drawn = Comparisons(tmp_path / "out", 1, Vocabulary.of(["sky", "tree"]))
    try:
        subject = ZeroShotEvaluator.of_dataset(name, observers=[drawn])
    finally:
        MetadataCatalog.remove(name)
    sample = {
        "file_name": str(tmp_path / "image.png"),
        "sem_seg_file_name": str(tmp_path / "label.png"),
    }
    scores = evaluate(subject, [sample], [{"labels": torch.zeros(H, W).long()}])["sem_seg"]
    assert (scores["IoU-sky"], scores["IoU-tree"], scores["hIoU"]) == (50, 0, 0)
    assert (tmp_path / "out" / "000_image.png").exists()


def wrong_size(sample, output):
    output["sem_seg"] = output["sem_seg"][:, 1:]


def wrong_label(sample, output):
    sample["sem_seg"][0, 0] = 7


def wrong_count(sample, output):
    output["sem_seg"] = output["sem_seg"][1:]


def not_a_number(sample, output):
    output["sem_seg"][2, 3, 4] = torch.nan


def wrong_prediction(sample, output):
    sample["sem_seg"][0, 0] = 0
    output["labels"] = torch.full((H, W), 5)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (wrong_size, r"the prediction is \(5, 8\), but its label map is \(6, 8\)"),
        (wrong_label, "the label map contains 7, but there are 5 classes"),
        (wrong_count, "the prediction scores 4 classes, but the vocabulary has 5"),
        (not_a_number, "the predicted scores contain NaN"),
        (wrong_prediction, "the prediction contains 5, but there are 5 classes"),
    ],
)
def test_what_is_wrong_is_said_with_the_file(spoil, message):
    inputs, outputs = samples(2)
    spoil(inputs[1], outputs[1])
    with pytest.raises(ValueError, match=rf"^photos/1\.jpg: {message}"):
        evaluator().process(inputs, outputs)


def test_samples_without_labels():
    (sample,), outputs = samples(1)
    del sample["sem_seg"]
    with pytest.raises(ValueError, match=r'photos/0\.jpg brings no "sem_seg"'):
        evaluator().process([sample], outputs)
    sample["sem_seg_file_name"] = "labels/0.png"
    with pytest.raises(FileNotFoundError, match=r"photos/0\.jpg does not exist"):
        evaluator(reader=SampleReader(VOCABULARY)).process([sample], outputs)


def test_nothing_to_score():
    with pytest.raises(ValueError, match="nothing to score: no pixel"):
        evaluator().evaluate()


def test_only_unseen_names_are_asked_and_scored():
    inputs, _ = samples(2)
    unseen = VOCABULARY.only(VOCABULARY.unseen)  # tree, dog, car
    subject = evaluator(Question(VOCABULARY, unseen, unseen), kinds=None, protocols=["unseen"])
    # Always "dog", which is label 3 in the files and 1 among the names that were asked for.
    scores = evaluate(subject, inputs, [{"labels": torch.ones(H, W).long()}] * 2)
    truth = torch.stack([sample["sem_seg"] for sample in inputs])
    trees, dogs = int((truth == 1).sum()), int((truth == 3).sum())
    scores = scores["sem_seg_unseen"]
    assert scores["pAcc"] == scores["IoU-dog"] == pytest.approx(100 * dogs / (trees + dogs))
    assert scores["IoU-tree"] == 0 and math.isnan(scores["IoU-car"])
    assert "IoU-sky" not in scores and "hIoU" not in scores


def test_label_maps_are_resized_to_predictions_where_a_protocol_says_so():
    (sample,), _ = samples(1)
    labels = sample["sem_seg"][::2, ::4]
    labels[labels == 255] = 0
    subject = evaluator(protocols=["spnet"])
    assert evaluate(subject, [sample], [{"labels": labels}])["sem_seg_spnet"]["Overall Acc"] == 100


def test_an_answer_that_is_no_class(tmp_path):
    (sample,), _ = samples(1)
    question = Question(VOCABULARY, VOCABULARY, VOCABULARY, may_be_silent=True)
    subject = evaluator(question, output_dir=tmp_path, observers=observers(tmp_path))
    scores = evaluate(subject, [sample], [{"labels": torch.full((H, W), K)}])["sem_seg"]
    assert scores["pAcc"] == scores["mIoU"] == 0
    with np.load(tmp_path / "confusion.npz") as file:
        assert not file["confusion"].any()
        assert file["no_class"].sum() == (sample["sem_seg"] != 255).sum()


def test_measures_are_reported_with_the_standard_scores(tmp_path):
    inputs, outputs = samples(3)
    measures = [BoundaryIoU(K, ratio=0.1)]
    subject = evaluator(
        measures=measures, output_dir=tmp_path, protocols=["generalized", "zegformer"]
    )
    for _ in range(2):  # counts start from nothing
        results = evaluate(subject, inputs, outputs)
    counts = measures[0].counts
    expected = 100 * counts[0] / (counts[1] + counts[2] - counts[0]).clip(min=1)
    scores = results["sem_seg"]
    assert scores["BIoU-sky"] == pytest.approx(expected[0])
    assert math.isnan(scores["BIoU-car"])
    assert scores["mBIoU"] == pytest.approx(expected[:4].mean())
    assert "mBIoU" not in results["sem_seg_zegformer"]
    rows = list(csv.DictReader((tmp_path / "per_class.csv").read_text().splitlines()))
    assert float(rows[0]["BIoU"]) == pytest.approx(expected[0], abs=1e-4)
    assert rows[4]["BIoU"] == ""


def test_protocols_and_kinds_that_do_not_fit():
    with pytest.raises(ValueError, match=r"no evaluation protocol is called 'spnett'"):
        evaluator(protocols=["spnett"])
    with pytest.raises(ValueError, match=r"\['generalized', 'unseen'\] ask different questions"):
        evaluator(protocols=["generalized", "unseen"])
    with pytest.raises(ValueError, match=r"kind 'animal' groups \['cat'\], which are not unseen"):
        evaluator(kinds={"animal": ("cat", "dog")})
