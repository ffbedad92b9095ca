"""Networks that are stages in a row, some of whose outputs are the features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from ..runtime.layers import ShapeSpec


class Stage(nn.Sequential):
    """Layers that take a map to `channels` channels on a grid `stride` times coarser."""

    def __init__(self, *layers: nn.Module, channels: int, stride: int) -> None:
        super().__init__(*layers)
        self.channels = channels
        self.stride = stride


class Pyramid(nn.Module):
    """
    Args:
        stages: by name, in order; each has `channels` and `stride`. Those after the last one asked
            for are dropped: unused parameters would stop a distributed run.
        out_features: names of the stages whose outputs are returned.

    Raises:
        ValueError: a name that is no stage, or no name at all.
    """

    def __init__(self, stages: Mapping[str, nn.Module], out_features: Sequence[str]) -> None:
        super().__init__()
        names = list(stages)
        unknown = [name for name in out_features if name not in stages]
        if unknown or not out_features:
            raise ValueError(f"out_features is {list(out_features)}; expected some of {names}.")
        self.out_features = tuple(out_features)
        self.stage_names = tuple(names[: 1 + max(map(names.index, out_features))])
        for name in self.stage_names:
            self.add_module(name, stages[name])

    def output_shape(self) -> dict[str, ShapeSpec]:
        """Channels and stride of the features, in the order asked for."""
        shapes, stride = {}, 1
        for name in self.stage_names:
            stage = getattr(self, name)
            stride *= stage.stride
            shapes[name] = ShapeSpec(channels=stage.channels, stride=stride)
        return {name: shapes[name] for name in self.out_features}

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """(B, 3, H, W), normalised -> features by name, (B, C, h, w) each."""
        maps, x = {}, images
        for name in self.stage_names:
            x = maps[name] = getattr(self, name)(x)
        return {name: maps[name] for name in self.out_features}
