import json

import numpy as np
import pytest
import torch

import zs3.refinement  # noqa: F401, registers what the configurations here name
from zs3.config import get_config
from zs3.text import OpenClipText, PrecomputedText, TextBank, WordVectors, build_text_bank
from zs3.vocabulary import Vocabulary

SHAPES_CLIP = ["MODEL.CLIP.NAME", "shapes_clip", "MODEL.CLIP.PRETRAINED", ""]


def configured(*options):
    return build_text_bank(get_config(opts=["MODEL.DEVICE", "cpu", *options]))


@pytest.mark.parametrize("encoder", [PrecomputedText, WordVectors])
def test_a_table_from_the_configuration(tmp_path, encoder):
    np.save(tmp_path / "rows.npy", np.array([[3, 4], [0, 2]], np.float16))
    (tmp_path / "classes.json").write_text(json.dumps({"voc": ["cat", "tv"]}))
    bank = configured(
        *("MODEL.TEXT.ENCODER", encoder.__name__, "MODEL.TEXT.NORMALIZE", "False"),
        *("MODEL.TEXT.FILES", [f"{tmp_path}/rows.npy:{tmp_path}/classes.json#voc"]),
        *("MODEL.TEXT.ALIASES", [["tvmonitor", "tv"]]),
    )
    assert type(bank.encoder) is encoder and bank.dim == 2
    assert bank([Vocabulary.of("tvmonitor, cat")]).tolist() == [[[0, 2]], [[3, 4]]]


def test_the_tiny_clip_tells_names_apart_offline():
    bank = configured(
        *SHAPES_CLIP,
        *("MODEL.TEXT.TEMPLATES", "a photo of a {}.|the {}.", "MODEL.TEXT.ENSEMBLE", "False"),
        *("MODEL.TEXT.SYNONYMS", "first"),
    )
    assert isinstance(bank, TextBank) and isinstance(bank.encoder, OpenClipText)
    vocabulary = Vocabulary.of({"red star": ["red star", "scarlet star"], "gravel": "gravel"})
    text = bank([vocabulary])
    assert text.shape == (2, 2, bank.dim) and bank.dim == 128
    similarity = torch.einsum("kpd,jqd->kpjq", text, text)
    assert similarity[0, 0, 0, 1] > similarity[0, 0, 1].max()
    assert not any(parameter.requires_grad for parameter in bank.parameters())


def test_the_image_tower_stays_only_where_something_looks_through_it():
    assert not hasattr(configured(*SHAPES_CLIP).encoder.model, "visual")
    with_look = configured(*SHAPES_CLIP, "MODEL.REFINERS", ["ClipSecondLook"])
    assert with_look.encoder.model.visual.image_size == (48, 48)
