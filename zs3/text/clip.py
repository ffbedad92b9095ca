"""
Where CLIP models come from: open_clip's names, directories, and bare weight files.

Only this file builds open_clip models. A model is one object with two towers: a part that needs the
image tower of the CLIP that embeds the names is given that same object.
"""

from __future__ import annotations

import difflib
import logging
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import open_clip
from open_clip.model import resize_pos_embed, set_model_preprocess_cfg
from torch import Tensor

from ..checkpoints.clip import clip_config_of, is_openai, open_clip_state
from ..checkpoints.safe_load import safe_load, state_dict_of
from ..runtime.config import CfgNode
from .split_attention import split_attention

Tokenizer = Callable[..., Tensor]  # open_clip's: (prompts, context_length=L) -> (M, L) int64

_ASSETS = Path(__file__).parents[1] / "assets"
_MERGES = "bpe_merges.txt.gz"
_TINY = {"shapes_clip": "crops", "shapes_clip_dense": "dense"}  # and their recipes
_logger = logging.getLogger(__name__)


def configured_clip(cfg: CfgNode) -> tuple[open_clip.CLIP, Tokenizer]:
    """The CLIP of MODEL.CLIP and its tokenizer, see `load_clip`."""
    options = cfg.MODEL.CLIP
    model, tokenizer = load_clip(options.NAME, options.PRETRAINED, options.IMAGE_SIZE)
    if options.SPLIT_ATTENTION:
        split_attention(model)
    return model, tokenizer


def load_clip(
    name: str, pretrained: str = "", image_size: int = 0
) -> tuple[open_clip.CLIP, Tokenizer]:
    """
    Args:
        name: an open_clip model name; "local-dir:DIR", a name in zs3/assets or "hf-hub:ORG/REPO",
            which bring their own weights; "" to take the sizes from the weight file.
        pretrained: an open_clip tag, a weight file, or "" for the weights that `name` brings
            (random ones if it is a plain model name: for checkpoints that bring theirs).
        image_size: side (pixels) of the images its positions are made for; they are resized to it
            (bicubic, antialiased). 0 is the model's own.

    Returns:
        The open_clip model in evaluation mode, float32, on the CPU; and its tokenizer.

    Raises:
        ValueError: unknown names, tags or files; a file that does not fit; a name that says
            QuickGELU for weights trained without it.
        OSError: weights that could not be downloaded.
    """
    folder = _folder(name)
    if folder is not None or name.startswith("hf-hub:"):
        if pretrained:
            raise ValueError(
                f"{name!r} brings its own weights, so MODEL.CLIP.PRETRAINED must be empty, but is "
                f"{pretrained!r}."
            )
        source = name if folder is None else f"local-dir:{folder}"
        model = _ready_made(source, "", quick_gelu=False, image_size=image_size)
        tokenizer = _tokenizer(source, folder)
    elif name:
        name = name.replace("/", "-")
        model = _named(name, pretrained, image_size)
        tokenizer = open_clip.get_tokenizer(name)
    else:
        model = _from_file(pretrained, None, image_size)
        tokenizer = open_clip.SimpleTokenizer(context_length=model.context_length)
    size = getattr(tokenizer, "vocab_size", model.vocab_size)
    if isinstance(tokenizer, open_clip.SimpleTokenizer) and size != model.vocab_size:
        raise ValueError(
            f"the tokenizer knows {size} tokens, but the CLIP {name or pretrained!r} embeds "
            f"{model.vocab_size}; they do not belong together."
        )
    return model, tokenizer


def brings_weights(name: str, pretrained: str) -> bool:
    """Whether `load_clip` finds trained weights, so that checkpoints need not hold them."""
    return bool(pretrained) or name.startswith("hf-hub:") or _folder(name) is not None


def build_clip(config: dict[str, Any]) -> open_clip.CLIP:  # Any: numbers and nested dicts of them
    """
    A CLIP of random weights, in evaluation mode.

    Args:
        config: arguments of `open_clip.CLIP`, as in open_clip's model configurations; without
            "vision_cfg", a text tower alone.

    Raises:
        ValueError: an architecture that is not plain CLIP.
    """
    vision, text = config.get("vision_cfg"), config["text_cfg"]
    if (
        config.keys() & {"custom_text", "multimodal_cfg"}
        or "hf_model_name" in text
        or "timm_model_name" in (vision or {})
    ):
        raise ValueError(
            "weight files cannot be put into an architecture that is not plain CLIP; use one of "
            'its pretrained tags, or an open_clip directory (MODEL.CLIP.NAME "local-dir:DIR").'
        )
    # open_clip always builds an image tower: the smallest one is built and dropped.
    smallest = {"layers": 0, "width": 64, "patch_size": 1, "image_size": 1}
    model = open_clip.CLIP(**{**config, "vision_cfg": vision or smallest})
    statistics = {"mean": open_clip.OPENAI_DATASET_MEAN, "std": open_clip.OPENAI_DATASET_STD}
    set_model_preprocess_cfg(model, {**statistics, "size": model.visual.image_size})
    if vision is None:
        del model.visual
    return model.eval()


def load_clip_state(model: open_clip.CLIP, state: dict[str, Tensor], source: str) -> None:
    """
    Strict loading, with one line of complaint.

    Raises:
        ValueError: keys or shapes differ.
    """
    own = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    given = {key: tuple(value.shape) for key, value in state.items()}
    differing = sorted(k for k in own.keys() | given.keys() if own.get(k) != given.get(k))
    if differing:
        key = differing[0]
        raise ValueError(
            f"{source} does not fit the CLIP it was asked for: {len(differing)} tensors differ. "
            f"{key!r} is {given.get(key, 'absent')} there, but {own.get(key, 'absent')} in the "
            "model. Is MODEL.CLIP.NAME right?"
        )
    model.load_state_dict(state)


def _folder(name: str) -> Path | None:
    """The open_clip directory a name means, or None if it means none."""
    is_local = name.startswith("local-dir:")
    folder = Path(name.removeprefix("local-dir:")) if is_local else _ASSETS / name
    if name and (folder / "open_clip_config.json").is_file():
        return folder
    if is_local:
        raise ValueError(f"{folder} is no open_clip directory: it has no open_clip_config.json.")
    if name in _TINY:
        command = f"python datasets/prepare/shapes_clip.py --recipe {_TINY[name]}"
        raise ValueError(f"{folder} is missing: run `{command}`.")
    return None


def _tokenizer(source: str, folder: Path | None) -> Tokenizer:
    """A directory's own merges if it has them, else what open_clip takes for it."""
    if folder is None or not (folder / _MERGES).is_file():
        return open_clip.get_tokenizer(source)
    text = open_clip.get_model_config(source)["text_cfg"]
    length = text.get("context_length", open_clip.tokenizer.DEFAULT_CONTEXT_LENGTH)
    return open_clip.SimpleTokenizer(str(folder / _MERGES), context_length=length)


def _named(name: str, pretrained: str, image_size: int) -> open_clip.CLIP:
    """A model that open_clip has a configuration for."""
    config = open_clip.get_model_config(name)
    if config is None:
        near = difflib.get_close_matches(name, open_clip.list_models(), n=1, cutoff=0)
        raise ValueError(f"open_clip has no model {name!r}. Did you mean {near[0]!r}?")
    if not pretrained:
        _logger.warning("%s starts from random weights: a checkpoint has to bring them.", name)
        return build_clip(_for_images(config, image_size))
    tag = open_clip.get_pretrained_cfg(name, pretrained)
    if not tag and not Path(pretrained).is_file():
        tags = ", ".join(open_clip.list_pretrained_tags_by_model(name)) or "none"
        raise ValueError(
            f"{pretrained!r} is neither a file nor a pretrained tag of {name!r} (its tags: {tags})."
        )
    if not tag:
        return _from_file(pretrained, config, image_size)
    # open_clip would build the wrong activation and only warn.
    quick_gelu = tag.get("quick_gelu", False)
    if config.get("quick_gelu", False) and not quick_gelu:
        plain = name.removesuffix("-quickgelu")
        raise ValueError(
            f"the weights {pretrained!r} were trained with GELU, but {name!r} has QuickGELU; set "
            f"MODEL.CLIP.NAME to {plain!r}."
        )
    return _ready_made(name, pretrained, quick_gelu, image_size)


def _ready_made(name: str, tag: str, quick_gelu: bool, image_size: int) -> open_clip.CLIP:
    """open_clip's own way to a model with weights: it downloads what is not on the disk."""
    try:
        return open_clip.create_model(
            name,
            pretrained=tag or None,
            force_quick_gelu=quick_gelu,
            force_image_size=image_size or None,
            require_pretrained=True,
        ).eval()
    except (OSError, RuntimeError) as error:
        known = open_clip.get_pretrained_cfg(name, tag) if tag else {}
        places = [known[key] for key in ("hf_hub", "url") if known.get(key)] or [name]
        raise OSError(
            f"could not get the CLIP weights {tag!r} of {name!r}, tried {' and '.join(places)}: "
            f"{textwrap.shorten(str(error), 250)} Without a network, put the path of a weight "
            "file, open_clip's or OpenAI's, in MODEL.CLIP.PRETRAINED."
        ) from error


def _from_file(path: str, config: dict[str, Any] | None, image_size: int) -> open_clip.CLIP:
    if not Path(path).is_file():
        raise ValueError(
            f"MODEL.CLIP.NAME is empty and MODEL.CLIP.PRETRAINED, {path!r}, is no file; expected a "
            "model name, or a weight file of OpenAI's layout to take the sizes from."
        )
    stored = state_dict_of(safe_load(path))
    state = open_clip_state(stored)
    config = clip_config_of(state) if config is None else config
    if is_openai(stored):  # QuickGELU, whatever name they are asked for by
        config = {**config, "quick_gelu": True}
    model = build_clip(_for_images(config, image_size))
    if image_size:
        resize_pos_embed(state, model)
    load_clip_state(model, state, path)
    return model


def _for_images(config: dict[str, Any], image_size: int) -> dict[str, Any]:
    """A model's configuration for images of another side."""
    if not image_size or "vision_cfg" not in config:
        return config
    return {**config, "vision_cfg": {**config["vision_cfg"], "image_size": image_size}}
