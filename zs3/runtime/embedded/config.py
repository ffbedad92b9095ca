"""Detectron2's configuration, cut down to the keys zs3 reads, and constructors that accept one."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any  # a constructor's arguments are of any type

from fvcore.common.config import CfgNode

__all__ = ["CfgNode", "configurable", "get_cfg"]


def get_cfg() -> CfgNode:
    """A new tree of Detectron2's keys that zs3 reads, with Detectron2's defaults."""
    return CfgNode(
        {
            "VERSION": 2,
            "MODEL": {
                # The registered model; zs3 has one.
                "META_ARCHITECTURE": "GeneralizedRCNN",
                # "cuda", "cuda:1", "cpu", or "auto".
                "DEVICE": "cuda",
                # Weights of the whole model: a file, a checkpoint, or a directory of a run.
                "WEIGHTS": "",
                # Of the backbone's images, 0..255.
                "PIXEL_MEAN": [103.530, 116.280, 123.675],
                "PIXEL_STD": [1.0, 1.0, 1.0],
                # FREEZE_AT: stages of the backbone that are not trained, the stem being the first.
                "BACKBONE": {"NAME": "build_resnet_backbone", "FREEZE_AT": 2},
                # ResNet: layers, features given, groups and width of the 3x3 convolutions,
                # "FrozenBN", "BN", "SyncBN", "GN" or "", where a block has its stride, dilation of
                # res5, channels.
                "RESNETS": {
                    "DEPTH": 50,
                    "OUT_FEATURES": ["res4"],
                    "NUM_GROUPS": 1,
                    "NORM": "FrozenBN",
                    "WIDTH_PER_GROUP": 64,
                    "STRIDE_IN_1X1": True,
                    "RES5_DILATION": 1,
                    "RES2_OUT_CHANNELS": 256,
                    "STEM_OUT_CHANNELS": 64,
                },
            },
            "INPUT": {
                # Lengths of the shorter side (pixels) to choose from, or their range; 0 keeps the
                # size.
                "MIN_SIZE_TRAIN": (800,),
                "MIN_SIZE_TRAIN_SAMPLING": "choice",
                # The longer side stays below it (pixels).
                "MAX_SIZE_TRAIN": 1333,
                # The same in prediction.
                "MIN_SIZE_TEST": 800,
                "MAX_SIZE_TEST": 1333,
                # "none", "horizontal", "vertical" or "both".
                "RANDOM_FLIP": "horizontal",
                # TYPE "absolute" (SIZE in pixels), "relative", "relative_range" or
                # "absolute_range".
                "CROP": {"ENABLED": False, "TYPE": "relative_range", "SIZE": [0.9, 0.9]},
                # Channel order; zs3 works in RGB.
                "FORMAT": "BGR",
            },
            # Names of registered datasets.
            "DATASETS": {"TRAIN": (), "TEST": ()},
            # Processes that read and augment; 0 does it in the main one.
            "DATALOADER": {"NUM_WORKERS": 4},
            "SOLVER": {
                # "WarmupPolyLR", "WarmupCosineLR" or "WarmupMultiStepLR".
                "LR_SCHEDULER_NAME": "WarmupMultiStepLR",
                # Iterations of the run.
                "MAX_ITER": 40000,
                # Learning rate before multipliers.
                "BASE_LR": 0.001,
                # SGD only.
                "MOMENTUM": 0.9,
                # Of all parameters but those of normalisation layers and embeddings.
                "WEIGHT_DECAY": 0.0001,
                "WEIGHT_DECAY_NORM": 0.0,
                # Of biases outside normalisation layers; None is WEIGHT_DECAY.
                "WEIGHT_DECAY_BIAS": None,
                # WarmupMultiStepLR: factor at each of STEPS (iterations).
                "GAMMA": 0.1,
                "STEPS": (30000,),
                # The rate rises linearly from this share during so many iterations.
                "WARMUP_FACTOR": 0.001,
                "WARMUP_ITERS": 1000,
                # Iterations between checkpoints; 0 writes the last only.
                "CHECKPOINT_PERIOD": 5000,
                # Images of a batch, all processes together.
                "IMS_PER_BATCH": 16,
                # CLIP_TYPE "value", "norm" (of each parameter) or "full_model" (of all together).
                "CLIP_GRADIENTS": {
                    "ENABLED": False,
                    "CLIP_TYPE": "value",
                    "CLIP_VALUE": 1.0,
                    "NORM_TYPE": 2.0,
                },
                # Mixed precision: float16 on GPUs, bfloat16 on CPUs.
                "AMP": {"ENABLED": False},
            },
            "TEST": {
                # Iterations between evaluations; 0 evaluates at the end only.
                "EVAL_PERIOD": 0,
                # Test-time augmentation: mean scores of the image at several lengths of its shorter
                # side (pixels), the longer one below MAX_SIZE, and of its mirror images.
                "AUG": {
                    "ENABLED": False,
                    "MIN_SIZES": (400, 500, 600, 700, 800, 900, 1000, 1100, 1200),
                    "MAX_SIZE": 4000,
                    "FLIP": True,
                },
            },
            # Where everything a run writes goes.
            "OUTPUT_DIR": "./output",
            # Of weights, order and augmentation; negative draws one (evaluation only).
            "SEED": -1,
            # Let cuDNN try algorithms; faster where sizes do not change.
            "CUDNN_BENCHMARK": False,
        }
    )


def configurable(init: Callable[..., None]) -> Callable[..., None]:
    """
    Lets a class be made from its arguments or from a configuration.

    `Class(cfg, ...)` or `Class(cfg=cfg, ...)` calls `Class.from_config(cfg, ...)`, which returns
    the arguments of `__init__`; keywords that `from_config` does not take go to `__init__` directly
    and win. Without a CfgNode in that place it is the ordinary constructor.

    Raises (when called with a CfgNode):
        AttributeError: the class has no `from_config`.
        TypeError: `from_config` is no class method, or its first argument is not called "cfg".
    """

    @functools.wraps(init)
    def init_or_translate(self: object, *args: Any, **kwargs: Any) -> None:
        if isinstance(args[0] if args else kwargs.get("cfg"), CfgNode):
            init(self, **_translated(type(self), *args, **kwargs))
        else:
            init(self, *args, **kwargs)

    return init_or_translate


def _translated(cls: type, *args: Any, **kwargs: Any) -> dict[str, Any]:
    from_config = getattr(cls, "from_config", None)
    if from_config is None:
        raise AttributeError(
            f"{cls.__name__} is configurable and needs a from_config class method."
        )
    if not inspect.ismethod(from_config):
        raise TypeError(f"{cls.__name__}.from_config must be a class method.")
    parameters = inspect.signature(from_config).parameters
    if next(iter(parameters), None) != "cfg":
        raise TypeError(f"{cls.__name__}.from_config must take 'cfg' as its first argument.")
    if any(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in parameters.values()):
        return from_config(*args, **kwargs)
    own = {name: kwargs.pop(name) for name in list(kwargs) if name in parameters}
    return {**from_config(*args, **own), **kwargs}
