"""Features made from names: SPNet's descendants ZS3Net, CaGNet and CaGNetv2."""

from __future__ import annotations

from ..runtime.config import CfgNode as CN


def add(cfg: CN) -> None:
    cfg.MODEL.CRITIC = CN()
    # The naming "Critic": width and dropout of the layer its two heads share.
    cfg.MODEL.CRITIC.HIDDEN_DIM = 1024
    cfg.MODEL.CRITIC.DROPOUT = 0.5
    # Side of one more convolution in front of the classifier (CaGNetv2: 3); 1 for none.
    cfg.MODEL.CRITIC.PATCH = 1

    cfg.MODEL.GENERATOR = CN()
    # Widths of the text, of the noise (ZS3Net; CaGNet's code is as wide as the features) and of the
    # features it makes: those of MODEL.TEXT and of the grouping.
    cfg.MODEL.GENERATOR.TEXT_DIM = 600
    cfg.MODEL.GENERATOR.NOISE_DIM = 300
    cfg.MODEL.GENERATOR.FEATURE_DIM = 600
    # Widths of its hidden layers, and dropout behind each.
    cfg.MODEL.GENERATOR.HIDDEN = [1024, 960, 864, 784, 720]
    cfg.MODEL.GENERATOR.DROPOUT = [0.1, 0.1, 0.3, 0.5, 0.5]
    # ZS3Net: a second generator, over the graph of a label map's regions.
    cfg.MODEL.GENERATOR.GRAPH = False

    # What is done in an iteration: "SupervisedStep" (the model's losses, one optimizer),
    # "GenerativeStep" (CaGNet) or "MatchingStep" (ZS3Net's second stage).
    cfg.SOLVER.STEP = "SupervisedStep"
    # Optimizers (Adam) of critic and generator beside the one of SOLVER itself: rates, which are
    # multiplied by GAMMA at iteration DECAY_FROM and every DECAY_EVERY iterations from there.
    for player in ("CRITIC", "GENERATOR"):
        cfg.SOLVER[player] = CN()
        cfg.SOLVER[player].BASE_LR = 2e-4
        cfg.SOLVER[player].WEIGHT_DECAY = 0.0
        cfg.SOLVER[player].DECAY_FROM = 10000
        cfg.SOLVER[player].DECAY_EVERY = 5000
        cfg.SOLVER[player].GAMMA = 0.71

    cfg.SOLVER.GENERATIVE = CN()
    # Iterations with real batches and with synthetic ones, in turn.
    cfg.SOLVER.GENERATIVE.REAL = 100
    cfg.SOLVER.GENERATIVE.SYNTHETIC = 0
    # "lsgan" (in fact L1), "gan", "wgan" or "wgan-gp"; "mmd", "l1" or "mse".
    cfg.SOLVER.GENERATIVE.ADVERSARY = "lsgan"
    cfg.SOLVER.GENERATIVE.CONTENT = "mmd"
    # Synthetic label maps: an unseen class is drawn 1 + UNSEEN_RATE times as often as a seen one;
    # or they are put together from the blocks in this file, which `zs3 blocks` writes.
    cfg.SOLVER.GENERATIVE.UNSEEN_RATE = 9.0
    cfg.SOLVER.GENERATIVE.BLOCKS = ""
    # Factors of the losses (zs3/engine/generative.py, Weights).
    cfg.SOLVER.GENERATIVE.WEIGHTS = CN()
    cfg.SOLVER.GENERATIVE.WEIGHTS.CRITIC_REAL = 1.0
    cfg.SOLVER.GENERATIVE.WEIGHTS.CRITIC_FAKE = 0.0
    cfg.SOLVER.GENERATIVE.WEIGHTS.CRITIC_SYNTHETIC = 0.125
    cfg.SOLVER.GENERATIVE.WEIGHTS.GENERATOR_CONTENT = 50.0
    cfg.SOLVER.GENERATIVE.WEIGHTS.GENERATOR_ADVERSARY = 1.0
    cfg.SOLVER.GENERATIVE.WEIGHTS.GENERATOR_CLASS = 0.0
    cfg.SOLVER.GENERATIVE.WEIGHTS.GENERATOR_SYNTHETIC = 0.0

    cfg.SOLVER.MATCHING = CN()
    # Pixels of a class a generator is compared at.
    cfg.SOLVER.MATCHING.SAMPLES = 128
    # Squared distances at which features are told apart: some of those within a class, some of
    # those between classes, or a generator learns nothing.
    cfg.SOLVER.MATCHING.BANDWIDTHS = [2.0, 5.0, 10.0, 20.0, 40.0, 80.0]
    # Weight of unseen classes in the classifier's loss, and of the loss on regions.
    cfg.SOLVER.MATCHING.UNSEEN_WEIGHT = 100.0
    cfg.SOLVER.MATCHING.GRAPH_WEIGHT = 0.1
    # Exponent of the focal form of that loss; 0 is cross-entropy.
    cfg.SOLVER.MATCHING.FOCUS = 0.0

    cfg.SELF_TRAINING = CN()
    # Transductive: give pixels without a label one of an unseen class, where the model as it is
    # (start from MODEL.WEIGHTS) has one among its best TOP of all classes; of those of an image the
    # share KEEP it is most certain of.
    cfg.SELF_TRAINING.ENABLED = False
    cfg.SELF_TRAINING.TOP = 1
    cfg.SELF_TRAINING.KEEP = 1.0
