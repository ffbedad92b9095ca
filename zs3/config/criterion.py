"""The losses."""

from __future__ import annotations

from ..runtime.config import CfgNode as CN


def add(cfg: CN) -> None:
    cfg.MODEL.CRITERION = CN()
    # "SetCriterion", "ClassMasks" (a mask a class), "PixelCrossEntropy", "PixelBinaryCrossEntropy",
    # "GridCrossEntropy" (SPNet), "ContextualCriterion" (CaGNet), "ResizedCrossEntropy" and
    # "MatchingCriterion" (ZS3Net), or "ShapeAware" (SAZS).
    cfg.MODEL.CRITERION.NAME = "SetCriterion"
    # The mask loss of SetCriterion and ClassMasks: "focal" (MaskFormer) or "bce" (Mask2Former).
    cfg.MODEL.CRITERION.MASK_LOSS = "focal"
    # Weights of the losses; those of supervised layers are added up.
    cfg.MODEL.CRITERION.CLASS_WEIGHT = 1.0
    # ContextualCriterion: how far latent codes are from normal ones.
    cfg.MODEL.CRITERION.DIVERGENCE_WEIGHT = 100.0
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
    # ClassMasks and PixelBinaryCrossEntropy: pixels without a label are pixels of no class
    # (published ZegCLIP, Cascade-CLIP and CAT-Seg), instead of being left out.
    cfg.MODEL.CRITERION.IGNORED_ARE_NEGATIVE = False
    # PixelCrossEntropy: corner cells lie on the corner pixels, as with MODEL.READOUT.ENLARGEMENT
    # "by_corners".
    cfg.MODEL.CRITERION.ALIGN_CORNERS = False
    # SetCriterion compares masks at this many random points instead (Mask2Former: 12544); 0 takes
    # every cell.
    cfg.MODEL.CRITERION.NUM_POINTS = 0
    # For the losses this many times as many are drawn, and the least certain of them kept, up to
    # this share of the points; the others are uniform.
    cfg.MODEL.CRITERION.OVERSAMPLE_RATIO = 3.0
    cfg.MODEL.CRITERION.IMPORTANCE_SAMPLE_RATIO = 0.75

    # ShapeAware: width of the pixel embeddings, which the edge head reads; weights of its losses on
    # edges beside CLASS_WEIGHT.
    cfg.MODEL.CRITERION.EDGE_DIM = 512
    cfg.MODEL.CRITERION.EDGE_WEIGHT = 0.3
    cfg.MODEL.CRITERION.ATTENTION_WEIGHT = 0.1
    # Published: 0.3, of a term without gradient. Other than 0 it needs the weights of InverseForm's
    # regressor (distance_measures_regressor.pth).
    cfg.MODEL.CRITERION.INVERSE_WEIGHT = 0.0
    cfg.MODEL.CRITERION.INVERSE_FORM = ""
    # What the regressor is shown of the prediction: "constant" (published) or "probability".
    cfg.MODEL.CRITERION.INVERSE_SHOWS = "constant"

    cfg.MODEL.LABEL_POLICY = CN()
    # What a model is asked about in training: "Inductive" (seen names) or "KnownNames" (all names,
    # for classifiers that generation trains), which ignore unseen pixels; "Transductive" (all
    # names; unseen pixels are what the model itself takes them for); "AllLabels" (ZS3Net's second
    # stage takes layouts from those); "OneAgainstOthers" (one class an image, and "others") or
    # "OneAgainstOthersWithEdges" (for ShapeAware).
    cfg.MODEL.LABEL_POLICY.NAME = "Inductive"
    # OneAgainstOthers: classes an image is asked about, each of them against others; published: 1.
    cfg.MODEL.LABEL_POLICY.QUESTIONS = 1
    # Pixels without a label and those of unseen classes are others, as published; else they are
    # ignored.
    cfg.MODEL.LABEL_POLICY.UNLABELED_IS_OTHERS = False
    # Edges as published: of unseen classes, too, and of every class but the last; else those of
    # seen classes.
    cfg.MODEL.LABEL_POLICY.PUBLISHED_EDGES = False
