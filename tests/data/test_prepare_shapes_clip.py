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

    def loss(*named):
        return prepare.phrase_loss(patches, phrases, scale, torch.tensor([named])).item()

    # Said of the caption: 4 times 2/4 and once 1/4; claimed by the best four: all with 2/4.
    expected = -(4 * math.log(1 / 2) + math.log(1 / 4)) / 5 - math.log(1 / 2)
    assert loss(True, False, False) == pytest.approx(expected)
    # Nobody says phrase 2: 1/4 everywhere.
    assert loss(False, False, True) == pytest.approx(2 * math.log(4))
    # All three named: nothing can be said wrongly; phrase 1 is claimed by one patch of the four.
    claims = math.log(2 / 4) + math.log((2 / 4 + 3 * 1 / 4) / 4) + math.log(1 / 4)
    assert loss(True, True, True) == pytest.approx(-claims / 3, abs=1e-6)


def test_a_recipe_learns_from_a_batch(prepare, tmp_path):
    recipe = dataclasses.replace(prepare.RECIPES["dense"], scenes=2)
    torch.manual_seed(0)
    model, tokenizer = prepare.build(recipe, tmp_path)
    batch = prepare.PairBatches(recipe, tokenizer, seed=0, steps=1)[0]
    assert batch.names.shape == (8, len(NAMES)) and batch.is_complete.sum() == 4
    assert batch.captions.shape == (8, 36) and batch.phrases.shape == (len(NAMES), 36)
    end = tokenizer.eot_token_id
    assert (batch.captions == end).any(1).all() and (batch.captions[:, -1] == 0).all()
    prepare.contrast(model, batch).backward()
    without = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert without == []


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
    assert accuracy["all"] > 88


def test_the_dense_clip_names_patches_and_the_other_does_not(prepare):
    scores = {}
    for name, dense in (("shapes_clip", "value"), ("shapes_clip_dense", "tokens")):
        model, tokenizer = load_clip(name)
        text = prepare.class_text(model, tokenizer)
        scores[name] = prepare.patch_scores(model, text, dense)
    assert scores["shapes_clip"]["hIoU"] < 20
    assert scores["shapes_clip_dense"]["hIoU"] > 40
