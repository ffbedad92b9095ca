"""Several looks at an image and their mean."""

from __future__ import annotations

import pytest
import torch

from zs3.config import get_config
from zs3.inference.build import build_inference
from zs3.inference.modes import whole
from zs3.inference.sliding import SlidingWindow
from zs3.inference.tta import MultiScaleFlip
from zs3.readout import ScoreMaps


def brightness(batched_inputs):
    """A model of two classes: an image's red, and what is not; asked one image at a time."""
    views = []
    for inputs in batched_inputs:
        size = (inputs["height"], inputs["width"])
        red = inputs["image"][:1].float() / 255
        red = torch.nn.functional.interpolate(red[None], size, mode="nearest")[0]
        scores = torch.cat((red, 1 - red))
        views.append(ScoreMaps(scores.__getitem__, 2, size))
    return views


@pytest.mark.parametrize("flip", [True, False])
def test_the_mean_of_all_sizes_is_upright(flip: bool) -> None:
    image = torch.zeros(3, 8, 12, dtype=torch.uint8)
    image[0, :, 6:] = 255  # the right half is red
    asked = []

    def model(batched_inputs):
        asked.extend(tuple(inputs["image"].shape[-2:]) for inputs in batched_inputs)
        return brightness(batched_inputs)

    look = MultiScaleFlip((8, 16), 100, flip)
    (maps,) = look(model, [{"image": image}])

    assert asked == [(8, 12)] * (1 + flip) + [(16, 24)] * (1 + flip)
    assert maps.size == (8, 12)
    assert maps.labels(1)[:, :6].eq(1).all()
    assert maps.labels(1)[:, 6:].eq(0).all()


def test_it_answers_at_the_size_that_is_asked_for_and_keeps_to_the_longest() -> None:
    image = torch.zeros(3, 8, 12, dtype=torch.uint8)
    (maps,) = MultiScaleFlip((16,), 18)(brightness, [{"image": image, "height": 5, "width": 7}])

    assert maps.scores().shape == (2, 5, 7)


def test_logits_are_averaged_as_softmax() -> None:
    image = torch.zeros(3, 8, 12, dtype=torch.uint8)
    image[0] = 255
    look = MultiScaleFlip((8,), 100, flip=False, softmax=True, class_chunk=1)
    (maps,) = look(brightness, [{"image": image}])
    torch.testing.assert_close(maps.scores()[:, 0, 0], torch.tensor([1.0, 0.0]).softmax(0))


def test_no_size_is_refused() -> None:
    with pytest.raises(ValueError, match=r"TEST\.AUG\.MIN_SIZES is empty"):
        MultiScaleFlip((), 100)


def test_the_configuration_chooses() -> None:
    scales = [
        "TEST.AUG.ENABLED",
        "True",
        "TEST.AUG.MIN_SIZES",
        "(32, 64)",
        "TEST.AUG.FLIP",
        "False",
    ]
    windows = ["TEST.SLIDING_WINDOW.ENABLED", "True", "TEST.SLIDING_WINDOW.CROP", "448"]
    slide = SlidingWindow(448, 426)

    assert build_inference(get_config()) is whole
    assert build_inference(get_config(opts=scales)) == MultiScaleFlip((32, 64), 4000, False)
    assert build_inference(get_config(opts=windows)) == slide
    both = build_inference(get_config(opts=[*windows, *scales]))
    assert both == MultiScaleFlip((32, 64), 4000, False, slide)
