"""Any convolutional or hierarchical network of timm as a backbone."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

import timm
from torch import Tensor, nn

from ..runtime.config import CfgNode, configurable
from ..runtime.layers import ShapeSpec
from ..runtime.modeling import BACKBONE_REGISTRY

STRIDES = {f"res{i}": 2**i for i in range(1, 6)}


@BACKBONE_REGISTRY.register()
class TimmBackbone(nn.Module):
    """
    Features "res1" (stride 2) to "res5" (stride 32), as far as the model has them; where several
    maps have one stride, the last of them.

    Args:
        name: of a timm model with `features_only` support.
        pretrained: load the weights timm has for it.
        out_features: those to return.

    Raises:
        ValueError: no such model, no such feature, or pretrained weights that cannot be had.
    """

    @configurable
    def __init__(
        self,
        *,
        name: str,
        pretrained: bool = False,
        out_features: Sequence[str] = ("res2", "res3", "res4", "res5"),
    ) -> None:
        super().__init__()
        if not timm.is_model(name):
            near = difflib.get_close_matches(name, timm.list_models(), n=3, cutoff=0)
            raise ValueError(f"timm has no model {name!r}; the nearest names are {near}.")
        strides: list[int] = _create(name).feature_info.reduction()
        last = {stride: index for index, stride in enumerate(strides)}
        known = [feature for feature, stride in STRIDES.items() if stride in last]
        unknown = [feature for feature in out_features if feature not in known]
        if unknown or not out_features:
            raise ValueError(f"out_features is {list(out_features)}; timm's {name} has {known}.")
        self.name = name
        self.out_features = tuple(sorted(out_features))
        indices = [last[STRIDES[feature]] for feature in self.out_features]
        self.net = _create(name, out_indices=indices, pretrained=pretrained)

    @classmethod
    def from_config(cls, cfg: CfgNode, input_shape: ShapeSpec) -> dict[str, Any]:
        return {
            "name": cfg.MODEL.TIMM.NAME,
            "pretrained": cfg.MODEL.TIMM.PRETRAINED and not cfg.MODEL.WEIGHTS,
            "out_features": cfg.MODEL.TIMM.OUT_FEATURES,
        }

    def output_shape(self) -> dict[str, ShapeSpec]:
        channels = self.net.feature_info.channels()
        return {
            feature: ShapeSpec(channels=width, stride=STRIDES[feature])
            for feature, width in zip(self.out_features, channels, strict=True)
        }

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """
        (B, 3, H, W), normalised -> features by name, (B, C, h, w) each.

        Raises:
            ValueError: the model cannot take images of this size.
        """
        try:
            maps = self.net(images)
        except (AssertionError, RuntimeError) as error:
            # Subclasses of RuntimeError are other matters, such as memory.
            if type(error) not in (AssertionError, RuntimeError):
                raise
            height, width = images.shape[-2:]
            own = "x".join(map(str, self.net.pretrained_cfg["input_size"][1:]))
            raise ValueError(
                f"timm's {self.name} cannot take images of {height}x{width} ({error}). It was made "
                f"for {own}; give it sizes it takes (INPUT.SIZE_DIVISIBILITY), or choose a model "
                "that takes any."
            ) from error
        if getattr(self.net, "output_fmt", "NCHW") == "NHWC":
            maps = [x.permute(0, 3, 1, 2) for x in maps]
        return dict(zip(self.out_features, maps, strict=True))


def _create(name: str, **options: Any) -> Any:  # Any: timm's networks have no common type
    try:
        return timm.create_model(name, features_only=True, **options)
    except OSError as error:
        raise ValueError(
            f"the pretrained weights of timm's {name} could not be had ({error}). Connect to the "
            "internet once, or set MODEL.TIMM.PRETRAINED to False."
        ) from error
