"""Registries, models by name, and the way back to the image's size."""

from __future__ import annotations

import pytest
import torch
from torch import nn


@pytest.fixture
def registered(runtime):
    """A meta-architecture "Lamp" for the duration of a test."""
    registry = runtime.modeling.META_ARCH_REGISTRY

    class Lamp(nn.Module):
        def __init__(self, cfg):
            super().__init__()
            self.device_in_cfg = cfg.MODEL.DEVICE
            self.bulb = nn.Linear(1, 1)

    registry.register(Lamp)
    yield Lamp
    del registry._obj_map["Lamp"]


@pytest.mark.parametrize("frozen", [False, True])
def test_build_model_makes_the_named_model_on_the_device(runtime, registered, frozen):
    cfg = runtime.config.get_cfg()
    cfg.MODEL.META_ARCHITECTURE, cfg.MODEL.DEVICE = "Lamp", "meta"
    if frozen:
        cfg.freeze()
    model = runtime.modeling.build_model(cfg)
    assert isinstance(model, registered)
    assert model.bulb.weight.device.type == "meta"


def test_build_model_understands_auto_and_leaves_the_configuration_alone(runtime, registered):
    cfg = runtime.config.get_cfg()
    cfg.MODEL.META_ARCHITECTURE, cfg.MODEL.DEVICE = "Lamp", "auto"
    assert runtime.modeling.build_model(cfg).device_in_cfg in ("cpu", "cuda")
    assert cfg.MODEL.DEVICE == "auto"


def test_an_unknown_name_is_refused(runtime):
    cfg = runtime.config.get_cfg()
    cfg.MODEL.META_ARCHITECTURE = "Chandelier"
    with pytest.raises(KeyError, match=r"'Chandelier'.*'META_ARCH'"):
        runtime.modeling.build_model(cfg)
    with pytest.raises(KeyError, match=r"'Chandelier'.*'BACKBONE'"):
        runtime.modeling.BACKBONE_REGISTRY.get("Chandelier")


def test_a_name_cannot_be_registered_twice(runtime, registered):
    with pytest.raises(AssertionError, match="'Lamp' was already registered"):
        runtime.modeling.META_ARCH_REGISTRY.register(registered)


def test_postprocessing_cuts_the_padding_off_before_it_resizes(runtime):
    scores = torch.full((2, 3, 4), 99.0)
    scores[:, :1, :2] = torch.tensor([[[0.0, 4.0]], [[1.0, 1.0]]])
    resized = runtime.modeling.sem_seg_postprocess(scores, (1, 2), 1, 4)
    # Bilinear, pixel centres at 0.5: samples at -0.25 (clamped), 0.25, 0.75 and 1.25 (clamped).
    assert resized.tolist() == [[[0.0, 1.0, 3.0, 4.0]], [[1.0, 1.0, 1.0, 1.0]]]


def test_shape_spec_is_channels_height_width_stride(runtime):
    shape = runtime.layers.ShapeSpec(channels=3, stride=4)
    assert (shape.channels, shape.height, shape.width, shape.stride) == (3, None, None, 4)
    assert shape == runtime.layers.ShapeSpec(3, None, None, 4)
