"""
Checkpoints of CaGNet, CaGNetv2 and SPNet, and of CaGNetv2's PixelCNN.

Their images are BGR; ours are RGB, so the first convolution's input channels are turned around.
"""

from __future__ import annotations

from torch import Tensor

from .key_map import Rule, drop, rename

# SPNet writes "module.scale.", CaGNet "back.scale.", and the files to start from "scale.".
_NET = r"(?:module\.)?(?:back\.)?scale\."
SIGN = rf"{_NET}layer\d\."

DROPPED: tuple[Rule, ...] = (
    (r"(module\.)?Em_vis\.", "vectors of the seen names, which are among those of all"),
    (r".*\.num_batches_tracked$", "counters of normalisation that is never trained"),
)

_RULES: list[Rule] = [
    (rf"{_NET}layer1\.conv1\.conv\.", "backbone.net.stem.conv1."),
    (rf"{_NET}layer1\.conv1\.bn\.", "backbone.net.stem.conv1.norm."),
    (rf"{_NET}aspp\.stages\.c(\d)\.", r"backbone.net.aspp.branches.\1."),
    *((rf"{_NET}contextual{i}\.conv\.", f"grouping.context.levels.{i - 1}.") for i in range(1, 4)),
    (rf"{_NET}fc_1\.conv\.", "grouping.context.selector."),
    (rf"{_NET}contextualpool\.conv\.", "grouping.context.pool."),
    (rf"{_NET}contextuallocalmu\.conv\.", "grouping.context.mean."),
    (rf"{_NET}contextuallocalsigma\.conv\.", "grouping.context.log_variance."),
    (r"dis\.fc\.conv\.", "naming.shared."),
    (r"dis\.pred\.", "naming.realness."),
    (r"dis\.cls_3\.", "naming.patch."),
    (r"dis\.cls\.", "naming.classifier."),
    (r"gen\.mlp\.(\d)\.(?:conv\.)?", r"criterion.generator.layers.\1."),
    (r"Em_all\.weight$", "naming.vectors"),
    *(
        (
            rf"{_NET}layer{stage}\.block{block}\.{theirs}\.{kind}\.",
            f"backbone.net.res{stage}.{block - 1}.{ours}.{norm}",
        )
        for stage in range(2, 6)
        for block in range(1, 24)
        for theirs, ours in (
            ("reduce", "conv1"),
            ("conv3x3", "conv2"),
            ("increase", "conv3"),
            ("proj", "shortcut"),
        )
        for kind, norm in (("conv", ""), ("bn", "norm."))
    ),
]
# 1x1 convolutions there, linear layers here.
_LINEAR = ("naming.shared.", "naming.realness.", "naming.classifier.", "criterion.generator.")


def convert(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The state of a published model, whole or in part, as a `ZeroShotSegmentor` calls it."""
    state, _ = drop(state, DROPPED)
    state = rename(state, _RULES)
    stem = "backbone.net.stem.conv1.weight"
    if stem in state:
        state[stem] = state[stem].flip(1)
    return {
        key: value.flatten(1) if key.startswith(_LINEAR) and value.dim() == 4 else value
        for key, value in state.items()
    }


_PIXEL_CNN: list[Rule] = [
    *(
        (rf"(?:module\.)?{theirs.format(i)}", f"layers.{i - 1}.{ours}")
        for i in range(1, 9)
        for theirs, ours in (
            (r"conv{}\.0\.", "conv."),
            (r"conv{}\.1\.", "norm."),
            ("b{}$", "condition"),
        )
    ),
    (r"(?:module\.)?conv9\.", "classifier."),
]


def convert_pixel_cnn(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The state of a published PixelCNN as `zs3.generation.pixel_cnn.PixelCNN` calls it."""
    return rename(state, _PIXEL_CNN)
