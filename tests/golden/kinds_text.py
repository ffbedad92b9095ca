"""Checks of the text side: tokenizers, CLIP's towers, prompt ensembles."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import open_clip
import torch
import torch.nn.functional as F
from golden import Case, check_all
from torch import Tensor, nn

from zs3.checkpoints.clip import clip_config_of, open_clip_state
from zs3.text import OpenClipText, TextBank, build_clip
from zs3.text.clip import load_clip_state
from zs3.text.encoder import tokenize
from zs3.vocabulary import Vocabulary

CONTEXT_LENGTH = 77


def tokenizer(case: Case) -> None:
    """Texts are a list, or lists by their output's name. Outputs may lack columns of padding."""
    texts = case.meta["texts"]
    lists = texts if isinstance(texts, dict) else {"tokens": texts}
    tokens = {
        name: tokenize(open_clip.SimpleTokenizer(), prompts, CONTEXT_LENGTH)
        for name, prompts in lists.items()
    }
    columns = {name: expected.shape[1] for name, expected in case.outputs.items()}
    assert not any(tokens[name][:, count:].any() for name, count in columns.items())
    check_all(case, {name: value[:, : columns[name]] for name, value in tokens.items()})


def clip_encoders(case: Case) -> None:
    sizes = case.meta["hyper"]
    state = open_clip_state(case.prefixed_state)
    config = clip_config_of(state, text_heads=sizes["transformer_heads"])
    model = build_clip(config)
    load_clip_state(model, state, case.path.stem)
    got = _features(model, case.inputs["image"], case.inputs["text"])
    image, text = (F.normalize(features, dim=-1) for features in got.values())
    got["logits_per_image"] = model.logit_scale.exp() * image @ text.T
    half = build_clip({**config, "cast_dtype": torch.float16})
    half.load_state_dict(state)
    open_clip.model.convert_weights_to_fp16(half)
    in_half = _features(half, case.inputs["image"].half(), case.inputs["text"])

    full = {name: value for name, value in case.outputs.items() if not name.endswith("_fp16")}
    rest = {name: value for name, value in case.outputs.items() if name.endswith("_fp16")}
    check_all(replace(case, outputs=full), {name: got[name] for name in full})
    # The case's note: half precision agrees to 2e-2 only.
    loose = {**case.meta, "check": {"rule": "max_rel", "tolerance": 2e-2}}
    check_all(
        replace(case, outputs=rest, meta=loose),
        {name: in_half[name.removesuffix("_fp16")] for name in rest},
    )


def text_embeddings(case: Case) -> None:
    state = open_clip_state(case.prefixed_state)
    heads = case.meta["clip"]["transformer_heads"]
    config = clip_config_of(state, text_heads=heads)
    model = build_clip(config)
    load_clip_state(model, state, case.path.stem)
    encoder = OpenClipText(model=model, tokenizer=open_clip.SimpleTokenizer())
    published = {"single": "single_scene", "clip_templates": "clip_scoring"}
    got = {}
    for name in case.outputs:
        templates, _, half = name.partition("_text_features_")
        bank = TextBank(encoder, templates=published.get(templates, templates)).eval()
        text = bank([Vocabulary.of(case.meta[f"{half}_classes"])])
        assert text.shape[1] == 1
        got[name] = text[:, 0]
    check_all(case, got)


@torch.no_grad()
def cascade_text_encoder(case: Case) -> None:
    state = open_clip_state(case.prefixed_state)
    model = build_clip(clip_config_of(state, text_heads=case.meta["config"]["transformer_heads"]))
    load_clip_state(model, {**state, "logit_scale": model.logit_scale}, case.path.stem)
    text = model.encode_text(case.inputs["tokens"])
    check_all(case, {"text": text, "text_normalised": F.normalize(text, dim=-1)})


def word_vector_features(rows: Sequence[int]) -> Tensor | None:
    """
    ZegFormer's [fastText | word2vec] for labels 0..181 of COCO-Stuff: unit rows (len(rows), 600).

    Read from $ZS3_DATA/zegformer; None where that is absent.
    """
    folder = Path(os.environ.get("ZS3_DATA", "")) / "zegformer"
    files = [folder / f"coco_stuff_{kind}.npy" for kind in ("fasttext", "word2vec")]
    if not all(file.is_file() for file in files):
        return None
    both = np.concatenate([np.load(file)[list(rows)] for file in files], axis=1)
    return F.normalize(torch.from_numpy(both), dim=1)


@torch.no_grad()
def _features(model: nn.Module, image: Tensor, text: Tensor) -> dict[str, Tensor]:
    return {"image_features": model.encode_image(image), "text_features": model.encode_text(text)}


KINDS: dict[str, Callable[[Case], None]] = {
    "tokenizer": tokenizer,
    "clip_encoders": clip_encoders,
    "text_embeddings": text_embeddings,
    "cascade_text_encoder": cascade_text_encoder,
}
