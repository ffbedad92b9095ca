"""Optimisation and evaluation."""

from __future__ import annotations

from ..runtime.config import CfgNode as CN


def add(cfg: CN) -> None:
    # "AdamW" or "SGD".
    cfg.SOLVER.OPTIMIZER = "AdamW"
    # [pattern, factor] pairs: the first pattern found in a parameter's name scales its learning
    # rate.
    cfg.SOLVER.LR_MULTIPLIERS = [["backbone", 0.1]]
    # Weight decay of embeddings (queries, positions).
    cfg.SOLVER.WEIGHT_DECAY_EMBED = 0.0
    # WarmupPolyLR: (1 - iteration / MAX_ITER) to this power.
    cfg.SOLVER.POLY_LR_POWER = 0.9
    # The schedule ends at this share of the base rate ("WarmupPolyLR", "WarmupCosineLR", and
    # "WarmupPolyToEndLR", which descends to it instead of being cut off there).
    cfg.SOLVER.LR_END = 0.0
    # Iterations that a learning rate is held for: an epoch's, where published code sets it once an
    # epoch; 10 in SPNet and CaGNet.
    cfg.SOLVER.LR_PERIOD = 1
    # Batches whose gradients are added up before a step.
    cfg.SOLVER.ACCUMULATE = 1
    # Several processes: look for parameters that a step did not use, for models that skip some.
    cfg.SOLVER.FIND_UNUSED_PARAMETERS = False
    # Decay of the exponential moving average of the weights that is evaluated and exported; 0 is
    # off.
    cfg.SOLVER.EMA_DECAY = 0.0
    # Checkpoints kept beside the best and the last.
    cfg.SOLVER.KEEP = 2
    # Iterations between two lines of the console and metrics.json.
    cfg.SOLVER.LOG_PERIOD = 20

    # What training was told of unseen classes beside their names: "inductive" is nothing. Anything
    # else stands in every report, beside the name of the data.
    cfg.TEST.SETTING = "inductive"
    # The metric that decides which checkpoint is the best.
    cfg.TEST.BEST_METRIC = "hIoU"
    # Images predicted together.
    cfg.TEST.IMS_PER_BATCH = 1
    # Windows of CROP pixels every STRIDE, their scores averaged, instead of the image as a whole.
    cfg.TEST.SLIDING_WINDOW = CN()
    cfg.TEST.SLIDING_WINDOW.ENABLED = False
    cfg.TEST.SLIDING_WINDOW.CROP = 512
    cfg.TEST.SLIDING_WINDOW.STRIDE = 426
    # Squash the image to a square of this side (pixels) first; 0 keeps it as it is.
    cfg.TEST.SLIDING_WINDOW.RESIZE_TO = 0
    # Average with a look at the whole image, squashed to CROP.
    cfg.TEST.SLIDING_WINDOW.WITH_WHOLE = False
    # Windows a pass.
    cfg.TEST.SLIDING_WINDOW.BATCH = 4
    # TEST.AUG averages the softmax of scores that are logits (MODEL.READOUT.ACTIVATION "none").
    cfg.TEST.AUG.SOFTMAX = False
    # What to evaluate, by name (docs/protocol.md, zs3/evaluation/protocols.py): "generalized", the
    # standard; "seen" or "unseen", a half of the split by itself; "cross_dataset"; "voc20b"; or a
    # published evaluator. Folds have their own names, in zs3/evaluation/episodes.py.
    cfg.TEST.PROTOCOLS = ["generalized"]
    # Boundary IoU beside IoU; a few milliseconds an image.
    cfg.TEST.BOUNDARY_IOU = False
    cfg.TEST.CALIBRATION = CN()
    # Gammas of a curve of hIoU over the seen bias: calibration.json, .csv and .png; [] draws none.
    cfg.TEST.CALIBRATION.GAMMAS = []
    # Instead of a list: so many gammas from 0 to 1.
    cfg.TEST.CALIBRATION.COUNT = 0
    # Report apart what choosing between the prediction and the masks of MODEL.SPECTRAL with the
    # labels in hand would score: an upper bound, SAZS's published fusion.
    cfg.TEST.ORACLE = False
    # Folder of such masks, NAME_k0.png, NAME_k1.png, ... or NAME.npz; "" computes them.
    cfg.TEST.ORACLE_MASKS = ""
    # Pictures (input, truth, prediction) written by an evaluation.
    cfg.TEST.PICTURES = 8
    # Write report.html, a page about the evaluation with its best and worst images.
    cfg.TEST.REPORT = True
    # Classes whose full-size scores are held at a time.
    cfg.TEST.CLASS_CHUNK = 64

    # Parameters whose name matches one of these patterns (regular expressions, from the start) are
    # not trained.
    cfg.MODEL.FREEZE = []
