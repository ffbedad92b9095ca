"""What a workload becomes: the model, its names and images, and steps by stage."""

from __future__ import annotations

from importlib import metadata

import pytest
import torch

from zs3.engine.weights import export_weights
from zs3.profiling.bench import Bench
from zs3.profiling.workload import Workload
from zs3.segmentor import ZeroShotSegmentor


def test_a_prediction(shapes_bench):
    (lap,) = shapes_bench.laps(0)
    assert set(lap) == {"backbone", "grouping", "text", "naming", "refiners", "readout", "other"}
    assert all(seconds > 0 for seconds in lap.values())
    (found,) = shapes_bench.step()
    assert found["labels"].shape == (64, 96)


def test_what_it_tells_about_itself(shapes_bench):
    about = shapes_bench.about()
    assert about["weights"] == "no weights: speed only"
    assert (about["classes"], about["prompts"]) == (36, 288)
    assert about["seconds_a_prompt"] > 0
    tensors = shapes_bench.model.state_dict().values()
    assert about["model_bytes"] >= sum(tensor.nbytes for tensor in tensors)
    assert f"torch {metadata.version('torch')}" in about["machine"]


def test_a_training_step_trains(workload):
    bench = Bench(workload("shapes/spnet", training=True, batch=2, classes=20))
    assert len(bench.vocabulary) == 18  # what is seen of 20
    before = [parameter.clone() for parameter in bench.model.backbone.parameters()]
    (lap,) = bench.laps(0)
    stages = ["backbone", "grouping", "text", "naming", "loss", "backward", "optimizer", "other"]
    assert set(lap) == set(stages)
    pairs = zip(before, bench.model.backbone.parameters(), strict=True)
    assert all(not torch.equal(*pair) for pair in pairs)


def test_made_up_embeddings_do_not_reach_the_disk(workload, tmp_path):
    bench = Bench(workload("shapes/spnet", "MODEL.TEXT.CACHE_DIR", str(tmp_path), classes=3))
    assert bench.prompts == 12
    assert not list(tmp_path.iterdir())
    text = bench.model.text([bench.vocabulary])
    assert text.shape == (3, 1, bench.model.text.dim)
    torch.testing.assert_close(text.norm(dim=-1), torch.ones(3, 1))


def test_a_trained_model_reads_names_and_chooses_proposals(workload, tmp_path):
    plain = workload(classes=3)
    untrained = Bench(plain)
    weights = tmp_path / "weights.safetensors"
    export_weights(untrained.model, weights, {})
    trained = Bench(workload("shapes/zegformer", "MODEL.WEIGHTS", str(weights), classes=3))
    assert untrained.model.readout.refiners[0].proposals.min_pixels == 0
    assert trained.model.readout.refiners[0].proposals.min_pixels == 20
    model = ZeroShotSegmentor(trained.cfg)
    expected = model.text([trained.vocabulary])
    torch.testing.assert_close(trained.model.text([trained.vocabulary]), expected)
    state = untrained.model.naming.state_dict()
    torch.testing.assert_close(trained.model.naming.state_dict(), state)


def test_random_weights_need_no_file(workload):
    options = ("MODEL.WEIGHTS", "missing.pth", "MODEL.BACKBONE.WEIGHTS", "missing.pkl")
    bench = Bench(workload("shapes/spnet", *options, random_weights=True, classes=2))
    assert bench.about()["weights"] == "no weights: speed only"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"size": (0, 96)}, "height is 0; expected 1 or more"),
        ({"size": (96, -2)}, "width is -2"),
        ({"batch": 0}, "batch is 0"),
        ({"classes": 0}, "classes is 0"),
        ({"threads": 0}, "threads is 0"),
    ],
)
def test_numbers_below_one(wrong, message):
    with pytest.raises(ValueError, match=message):
        Workload("any.yaml", **wrong)


def test_no_dataset_and_no_number_of_names(workload):
    with pytest.raises(ValueError, match="names no dataset; say how many names: --classes"):
        Bench(workload("zegformer/r50"))


def test_weights_out_of_reach(workload, monkeypatch):
    def unreachable(cfg):
        raise OSError("could not get the CLIP weights.")

    monkeypatch.setattr("zs3.profiling.bench.build_model", unreachable)
    with pytest.raises(OSError, match=r"CLIP weights\. To measure .* --random-weights"):
        Bench(workload())
