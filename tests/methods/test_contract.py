"""What every method must do, whatever its parts: one test class over all Shapes configurations."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from torch import nn

from zs3.config import get_config
from zs3.data.datasets.shapes import NAMES, draw_scene, unseen_names
from zs3.engine.build import build_step
from zs3.engine.optimizer import freeze
from zs3.label_policy import AllLabels, Transductive
from zs3.segmentor import ZeroShotSegmentor
from zs3.vocabulary import Vocabulary

CONFIGS = Path(__file__).parents[2] / "configs" / "shapes"
METHODS = sorted(path.stem for path in CONFIGS.glob("*.yaml") if path.stem != "base")
SHAPES = Vocabulary.of(NAMES, unseen_names("mixed"))


@pytest.fixture(params=METHODS)
def cfg(request):
    return get_config(
        CONFIGS / f"{request.param}.yaml",
        ["MODEL.DEVICE", "cpu", "SOLVER.GENERATIVE.BLOCKS", ""],
    )


@pytest.fixture
def model(cfg):
    torch.manual_seed(0)
    model = ZeroShotSegmentor(cfg, vocabulary=SHAPES)
    freeze(model, cfg.MODEL.FREEZE)
    return model


def needs_any_vocabulary(model: nn.Module) -> None:
    if hasattr(model.naming, "num_classes"):
        pytest.skip("its classifier belongs to one vocabulary, and says so of others")


def batch(*indices: int, vocabulary: Vocabulary = SHAPES) -> list[dict]:
    scenes = [draw_scene(5, index, unseen_names("mixed")) for index in indices]
    return [
        {
            "image": torch.from_numpy(scene.image).permute(2, 0, 1),
            "sem_seg": torch.from_numpy(scene.label).long(),
            "vocabulary": vocabulary,
        }
        for scene in scenes
    ]


def step(cfg, model: nn.Module, inputs: list[dict]) -> dict[str, float]:
    recorded = build_step(cfg, model.train())([inputs])
    return {name: value.item() for name, value in recorded.items()}


def test_two_steps_train_everything_but_the_frozen_clip(cfg, model):
    """Two, since what starts at zero (DETR's queries) lets no gradient pass in the first."""
    before = {name: value.clone() for name, value in model.state_dict().items()}
    frozen = {name for name, parameter in model.named_parameters() if not parameter.requires_grad}

    step(cfg, model, batch(0, 1))
    losses = step(cfg, model, batch(0, 1))

    assert all(torch.isfinite(torch.tensor(list(losses.values()))))
    after = model.state_dict()
    for name, _ in model.named_parameters():
        changed = not torch.equal(before[name], after[name])
        assert changed != (name in frozen), f"{name} {'changed' if changed else 'did not change'}"
    # Only CLIPs, and what the configuration says.
    allowed = [r"text\.", r"readout\.", r"backbone\.visual\.", *cfg.MODEL.FREEZE]
    assert all(any(re.match(pattern, name) for pattern in allowed) for name in frozen)


def test_a_batch_of_two_equals_two_batches_of_one(model):
    model.eval()
    inputs = batch(0, 1)
    with torch.inference_mode():
        together = [output["sem_seg"] for output in model(inputs)]
        alone = [model([single])[0]["sem_seg"] for single in inputs]
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-4)


def test_labels_are_the_argmax_of_the_scores_however_they_are_chunked(model):
    model.eval()
    inputs = [{**single, "height": 50, "width": 70} for single in batch(0, 1)]
    with torch.inference_mode():
        scores = [output["sem_seg"] for output in model(inputs)]
        for chunk in (5, 36, 100):
            model.class_chunk = chunk
            labels = [output["labels"] for output in model.labels(inputs)]
            for score, label in zip(scores, labels, strict=True):
                assert score.shape == (36, 50, 70) and label.shape == (50, 70)
                assert (score.argmax(0) == label).float().mean() > 0.999


def test_saving_and_loading_reproduces_the_output(cfg, model, tmp_path):
    step(cfg, model, batch(0, 1))
    torch.save(model.state_dict(), tmp_path / "weights.pth")
    torch.manual_seed(1)
    other = ZeroShotSegmentor(cfg, vocabulary=SHAPES)
    other.load_state_dict(torch.load(tmp_path / "weights.pth", weights_only=True))
    with torch.inference_mode():
        expected = model.eval()(batch(2))[0]["sem_seg"]
        got = other.eval()(batch(2))[0]["sem_seg"]
    assert torch.equal(got, expected)


@pytest.mark.parametrize("size", [1, 2, 71])
def test_any_vocabulary_can_be_asked_after_training(cfg, model, size):
    needs_any_vocabulary(model)
    step(cfg, model, batch(0, 1))
    names = [f"{colour} {thing}" for colour in ("pink", "red", "dark", "light") for thing in NAMES][
        :size
    ]
    with torch.inference_mode():
        scores = model.eval()(batch(0, vocabulary=Vocabulary.of(names)))[0]["sem_seg"]
    assert scores.shape == (size, 96, 96)
    assert torch.isfinite(scores).all()


def test_a_classifier_of_one_vocabulary_refuses_another(cfg, model):
    if not hasattr(model.naming, "num_classes"):
        pytest.skip("it can be asked about any vocabulary")
    step(cfg, model, batch(0, 1))
    with pytest.raises(ValueError, match=r"classifier was trained for|this classifier"):
        model.eval()(batch(0, vocabulary=Vocabulary.of(["pink triangle", "spoon"])))


def test_two_vocabularies_in_one_run_do_not_mix(model):
    """The text cache is keyed by the vocabulary: asking about others in between changes nothing."""
    needs_any_vocabulary(model)
    model.eval()
    with torch.inference_mode():
        first = model(batch(0))[0]["sem_seg"]
        model(batch(0, vocabulary=Vocabulary.of(["red star", "grass"])))
        assert torch.equal(model(batch(0))[0]["sem_seg"], first)


def test_every_image_may_bring_its_own_names(model):
    needs_any_vocabulary(model)
    model.eval()
    names = [
        Vocabulary.of(["red star", "grass", "water"]),
        Vocabulary.of(["blue ring", "sand", "a spoon"]),
    ]
    inputs = [{**single, "vocabulary": own} for single, own in zip(batch(0, 1), names, strict=True)]
    with torch.inference_mode():
        together = [output["sem_seg"] for output in model(inputs)]
        alone = [model([single])[0]["sem_seg"] for single in inputs]
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-4)


def test_training_is_never_told_an_unseen_name(model):
    """
    Which unseen class a pixel is of changes no loss; nor does, unless a policy asks the model what
    it takes them for, whether it is of any: it is ignored.
    """
    if isinstance(model.label_policy, AllLabels):
        pytest.skip("it takes layouts from unseen labels, as published")
    model.train()
    told_apart = isinstance(model.label_policy, Transductive)

    def losses(inputs: list[dict], old: int, new: int) -> dict[str, float]:
        for single in inputs:
            single["sem_seg"] = single["sem_seg"].masked_fill(single["sem_seg"] == old, new)
        torch.manual_seed(3)  # of dropout, and of points to compare masks at
        return {name: loss.item() for name, loss in model(inputs).items()}

    inputs = batch(0, 1)
    unseen, other = (SHAPES.index(name) for name in SHAPES.unseen[:2])
    for single in inputs:
        single["sem_seg"].masked_fill_(single["sem_seg"] == single["sem_seg"][0, 0], unseen)
    expected = losses(inputs, unseen, unseen)
    assert losses(inputs, unseen, other) == expected
    assert told_apart != (losses(inputs, other, 255) == expected)
