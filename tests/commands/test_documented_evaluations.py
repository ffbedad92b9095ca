"""What the documents say to type leads to the settings of ZegFormer's published evaluations."""

import re
import shlex
from itertools import pairwise
from pathlib import Path

import pytest

from zs3.commands.convert import EPILOG
from zs3.config import get_config

ROOT = Path(__file__).parents[2]
ORIGINALS, CHECKPOINTS = "docs/from-the-originals.md", "docs/checkpoints.md"
SINGLE = ["MODEL.TEXT.TEMPLATES", "single_scene"]
FUSED, CLIP_ALONE = (1 / 3, 2 / 3, True), (1.0, 1.0, False)
# Templates, short and long side of test images, CLIP's weights on seen and unseen classes with the
# mean over seen ones, gamma: ZegFormer's configurations of evaluation.
PUBLISHED = {
    "cocostuff_r50": ("imagenet_select", 640, 2560, *FUSED, 0.1),
    "cocostuff_r101": ("single_scene", 640, 2560, *FUSED, 0.1),
    "cocostuff_r101_to_ade20k847": ("imagenet_select", 640, 2560, *CLIP_ALONE, 0.0),
    "voc_r50": ("single_scene", 512, 2048, *CLIP_ALONE, 0.0),
    "voc_r101": ("single_scene", 512, 2048, *FUSED, 0.1),
    "voc_r101_30k": ("single_scene", 512, 2048, *FUSED, 0.1),
    "ade20k847_r50": ("imagenet_select", 512, 2048, *FUSED, 0.0),
}


def settings(config, options=()):
    cfg = get_config(ROOT / config, list(options))
    look = cfg.MODEL.SECOND_LOOK
    return (
        cfg.MODEL.TEXT.TEMPLATES,
        cfg.INPUT.MIN_SIZE_TEST,
        cfg.INPUT.MAX_SIZE_TEST,
        *(look.SEEN_WEIGHT, look.UNSEEN_WEIGHT, look.AVERAGE_SEEN),
        cfg.MODEL.SEEN_BIAS.GAMMA,
    )


def text_of(place):
    return EPILOG if place == "convert --help" else (ROOT / place).read_text()


def commands(text):
    """(configuration, overrides) of the commands in a text that are about ZegFormer's R-101."""
    joined = re.sub(r"\\\n#?\s*", "", text)
    for line in joined.splitlines():
        if re.search(r"\bzegformer_R101\w*(-stuff)?\.pth", line) and "--config-file" in line:
            words = shlex.split(line.lstrip("# "))
            config = words[words.index("--config-file") + 1]
            pairs = (pair for pair in pairwise(words) if re.fullmatch(r"[A-Z0-9_.]+", pair[0]))
            yield config, [word for pair in pairs for word in pair]


@pytest.mark.parametrize(
    "place", [CHECKPOINTS, "convert --help", *(f"configs/zegformer/{n}.yaml" for n in PUBLISHED)]
)
def test_a_command_about_the_released_checkpoint(place):
    found = list(commands(text_of(place)))
    assert found or place.startswith("configs")
    for config, options in found:
        assert settings(config, options) == pytest.approx(PUBLISHED[Path(config).stem]), config


def test_evaluation_with_the_configuration_of_training():
    """All but one are the same; that one's override stands in the row that says so."""
    (row,) = (line for line in text_of(ORIGINALS).splitlines() if "_gzss_eval.yaml" in line)
    assert "R-101" in row and f"`{' '.join(SINGLE)}`" in row
    for name, expected in PUBLISHED.items():
        options = SINGLE if name == "cocostuff_r101" else []
        found = settings(f"configs/zegformer/{name}.yaml", options)
        assert found == pytest.approx(expected), name
