"""The tiny CLIPs: what their training asks of patches, and what the shipped ones can do."""

from __future__ import annotations

import dataclasses
import importlib.util
import math
import sys
from pathlib import Path

import pytest
import torch

from zs3.data.shapes import NAMES
from zs3.text import load_clip

SCRIPT = Path(__file__).parents[2] / "datasets" / "prepare" / "shapes_clip.py"


@pytest.fixture(scope="module")
def prepare():
    spec = importlib.util.spec_from_file_location("prepare_shapes_clip", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def test_patches_and_phrases_of_a_caption_find_each_other(prepare):
    phrases = torch.eye(3)
    patches = torch.eye(3)[[0, 0, 0, 0, 1]][None]  # four patches say phrase 0, one says phrase 1
    scale = torch.tensor(math.log(2.0))  # so a patch says its phrase with 2 / 4, others with 1 / 4

    def loss(inside, named):
        masks = torch.tensor([inside]).bool(), torch.tensor([named]).bool()
        return prepare.phrase_loss(patches, phrases, scale, *masks).item()

    # Said of the caption: 4 times 2/4 and once 1/4. Claimed by the best three: all with 2/4.
    expected = -(4 * math.log(1 / 2) + math.log(1 / 4)) / 5 - math.log(1 / 2)
    assert loss([1, 1, 1, 1, 1], [1, 0, 0]) == pytest.approx(expected)
    # Nobody says phrase 2: 1/4 everywhere.
    assert loss([1, 1, 1, 1, 1], [0, 0, 1]) == pytest.approx(2 * math.log(4))
    # A caption about the last patch alone, which is all that claims its phrase.
    assert loss([0, 0, 0, 0, 1], [0, 1, 0]) == pytest.approx(math.log(2) + math.log(6))
    # All are named, so that nothing can be said wrongly.
    claims = math.log(2 / 4) + math.log((2 / 4 + 2 * 1 / 4) / 3) + math.log(1 / 4)
    assert loss([1, 1, 1, 1, 1], [1, 1, 1]) == pytest.approx(-claims / 3, abs=1e-6)


def test_the_dense_recipe_starts_from_the_first_clip_and_trains_all_of_it(prepare, tmp_path):
    recipe = dataclasses.replace(prepare.RECIPES["dense"], scenes=3)
    model, tokenizer = prepare.build(recipe, tmp_path)
    first = load_clip("shapes_clip")[0].state_dict()
    assert all(torch.equal(value, first[key]) for key, value in model.state_dict().items())
    batch = prepare.batches_of(recipe, tokenizer, seed=0, steps=1)[0]
    assert [photos.images.shape[2] for photos in batch.photos] == [144, 48, 96]
    assert [len(photos.images) for photos in batch.photos] == [1, 6, 2]
    assert [len(photos.owner) for photos in batch.photos] == [5, 0, 10]
    assert batch.names.shape == (9, len(NAMES)) and batch.captions.shape == (9, 28)
    prepare.contrast(model, batch).backward()
    without = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert without == []


@pytest.mark.parametrize("done", [0, 2])
def test_an_interrupted_training_goes_on(prepare, tmp_path, monkeypatch, done):
    recipe = dataclasses.replace(prepare.RECIPES["dense"], scenes=1)
    monkeypatch.setattr(prepare, "CHECKPOINT_PERIOD", 2)
    if done:
        contrast, calls = prepare.contrast, []

        def interrupted(model, batch):
            calls.append(batch)
            if len(calls) > done:
                raise KeyboardInterrupt
            return contrast(model, batch)

        monkeypatch.setattr(prepare, "contrast", interrupted)
        with pytest.raises(KeyboardInterrupt):
            prepare.train(recipe, tmp_path, steps=3, seed=0)
        assert torch.load(tmp_path / "training.pt")["done"] == done
        monkeypatch.setattr(prepare, "contrast", contrast)
    prepare.train(recipe, tmp_path, steps=3, seed=0)
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {prepare.MERGES, "open_clip_config.json", "open_clip_model.safetensors"}


@pytest.mark.parametrize("name", ["crops", "dense"])
def test_the_shipped_clip_is_the_recipes(prepare, tmp_path, name):
    recipe = prepare.RECIPES[name]
    prepare.build(recipe, tmp_path)
    shipped = prepare.ASSETS / recipe.folder
    for file in ("open_clip_config.json", prepare.MERGES):
        assert (shipped / file).read_bytes() == (tmp_path / file).read_bytes()
    assert (shipped / "open_clip_model.safetensors").stat().st_size < 8e6


@pytest.mark.parametrize("name", ["shapes_clip", "shapes_clip_dense"])
def test_a_shipped_clip_names_what_is_cut_out(prepare, name):
    model, tokenizer = load_clip(name)
    text = prepare.class_text(model, tokenizer)
    accuracy = prepare.masked_accuracy(model, text, scenes=12)
    assert accuracy["all"] > 90


def test_the_dense_clip_names_patches_and_the_other_does_not(prepare):
    scores = {}
    for name, dense in (("shapes_clip", "value"), ("shapes_clip_dense", "tokens")):
        model, tokenizer = load_clip(name)
        text = prepare.class_text(model, tokenizer)
        scores[name] = prepare.patch_scores(model, text, dense)
    assert scores["shapes_clip"]["hIoU"] < 20
    assert scores["shapes_clip_dense"]["hIoU"] > 45
