"""Cascaded alignment of classes and regions (CascadeNaming)."""

from __future__ import annotations

from ..runtime.config import CfgNode as CN


def add(cfg: CN) -> None:
    cfg.MODEL.CASCADE = CN()
    # How levels (MODEL.GROUPING.LEVELS) become memories of decoders: "gaussian", a weighted sum a
    # stage and the final embeddings as one more, with a decoder each; or "sum", everything added up
    # for one decoder.
    cfg.MODEL.CASCADE.AGGREGATION = "gaussian"
    # How many levels each stage takes, shallow to deep; [] is ZegCLIP.
    cfg.MODEL.CASCADE.STAGES = []
    # The weights in a stage start as a Gaussian of this width (levels) around its deepest level.
    cfg.MODEL.CASCADE.SIGMA = 1.0
    # Multiplies text, summary and memories, which have unit length. sqrt(D) gives their entries
    # unit variance, and short trainings a chance; 1 is the published one.
    cfg.MODEL.CASCADE.SCALE = 1.0
    # The decoders' layers, attention heads, width of the perceptrons, dropout.
    cfg.MODEL.CASCADE.LAYERS = 3
    cfg.MODEL.CASCADE.NHEADS = 8
    cfg.MODEL.CASCADE.DIM_FEEDFORWARD = 2048
    cfg.MODEL.CASCADE.DROPOUT = 0.1
