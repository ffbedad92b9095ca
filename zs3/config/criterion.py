"""The losses."""

from __future__ import annotations

from ..runtime.config import CfgNode as CN


def add(cfg: CN) -> None:
    cfg.MODEL.CRITERION = CN()
    # "SetCriterion", "PixelCrossEntropy", "PixelBinaryCrossEntropy" or "ClassMasks" (a mask a
    # class).
    cfg.MODEL.CRITERION.NAME = "SetCriterion"
    # The mask loss of SetCriterion and ClassMasks: "focal" (MaskFormer) or "bce" (Mask2Former).
    cfg.MODEL.CRITERION.MASK_LOSS = "focal"
    # Weights of the losses; those of supervised layers are added up.
    cfg.MODEL.CRITERION.CLASS_WEIGHT = 1.0
    cfg.MODEL.CRITERION.MASK_WEIGHT = 20.0
    cfg.MODEL.CRITERION.DICE_WEIGHT = 1.0
    # Matching costs.
    cfg.MODEL.CRITERION.CLASS_COST = 1.0
    cfg.MODEL.CRITERION.MASK_COST = 20.0
    cfg.MODEL.CRITERION.DICE_COST = 1.0
    # Weight of the void class in the cross-entropy.
    cfg.MODEL.CRITERION.VOID_WEIGHT = 0.1
    # Rows and columns of the grid of cells on which masks (or pixels) are compared with the
    # labels; 0 compares at the full input.
    cfg.MODEL.CRITERION.LOSS_SIZE = 0
    # PixelBinaryCrossEntropy: pixels without a label are pixels of no class (published CAT-Seg),
    # instead of being left out.
    cfg.MODEL.CRITERION.IGNORED_ARE_NEGATIVE = False
    # SetCriterion compares masks at this many random points instead (Mask2Former: 12544); 0 takes
    # every cell.
    cfg.MODEL.CRITERION.NUM_POINTS = 0
    # For the losses this many times as many are drawn, and the least certain of them kept, up to
    # this share of the points; the others are uniform.
    cfg.MODEL.CRITERION.OVERSAMPLE_RATIO = 3.0
    cfg.MODEL.CRITERION.IMPORTANCE_SAMPLE_RATIO = 0.75

    cfg.MODEL.LABEL_POLICY = CN()
    # What a model is asked about in training: "Inductive" (seen names; unseen pixels are ignored)
    # or "Transductive" (all names; unseen pixels are what the model itself takes them for).
    cfg.MODEL.LABEL_POLICY.NAME = "Inductive"
