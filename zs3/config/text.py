"""CLIP, and what is read of a name."""

from __future__ import annotations

from ..runtime.config import CfgNode as CN


def add(cfg: CN) -> None:
    cfg.MODEL.CLIP = CN()
    # An open_clip model name, "local-dir:DIR", or a name in zs3/assets ("shapes_clip",
    # "shapes_clip_dense").
    cfg.MODEL.CLIP.NAME = "ViT-B-16-quickgelu"
    # An open_clip pretrained tag, a weight file (open_clip's or OpenAI's), or "" for what NAME
    # itself brings.
    cfg.MODEL.CLIP.PRETRAINED = "openai"
    # Side of the images (pixels) its positions are resized for, once, when it is loaded; 0 is the
    # model's own.
    cfg.MODEL.CLIP.IMAGE_SIZE = 0
    # Give queries, keys and values weights of their own (q_proj_weight, ...), so that MODEL.FREEZE
    # can tell them apart.
    cfg.MODEL.CLIP.SPLIT_ATTENTION = False

    cfg.MODEL.TEXT = CN()
    # "OpenClipText", "WordVectors" or "PrecomputedText".
    cfg.MODEL.TEXT.ENCODER = "OpenClipText"
    # A template set of zs3/text/templates.json by name ("single_scene" is ZegFormer's "single"), or
    # templates of your own with "|" between them: "a photo of a {}|the {}".
    cfg.MODEL.TEXT.TEMPLATES = "single"
    # What to say for a class of several synonyms: "first", or "all" (every template with every
    # synonym).
    cfg.MODEL.TEXT.SYNONYMS = "all"
    # Average the templates (and synonyms) into one embedding a class; False keeps P of them.
    cfg.MODEL.TEXT.ENSEMBLE = True
    # Scale every prompt's embedding, and the average, to unit length.
    cfg.MODEL.TEXT.NORMALIZE = True
    # Files of word vectors or of precomputed embeddings; several are concatenated, in order:
    # "vectors.npz#ARRAY,NAMES", "matrix.npy:names.json#key", "matrix.npy:coco171" (the class list),
    # or word2vec/GloVe/fastText text.
    cfg.MODEL.TEXT.FILES = []
    # Names spelled differently in those files, as ["name in the dataset", "name in the file"]
    # pairs.
    cfg.MODEL.TEXT.ALIASES = []

    # Train the text encoder no further than it is.
    cfg.MODEL.TEXT.FROZEN = True
    # Directory that keeps embeddings from run to run; "" keeps them in memory only.
    cfg.MODEL.TEXT.CACHE_DIR = ""
