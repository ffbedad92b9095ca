"""Counts worked out by hand, and against fvcore where it can trace."""

from __future__ import annotations

import pytest
import torch
from fvcore.nn import FlopCountAnalysis
from torch import nn
from torch.nn import functional as F

from zs3.profiling.counting import (
    Parameters,
    count_multiply_adds,
    count_parameters,
    model_size,
)
from zs3.profiling.laps import total
from zs3.profiling.stages import Part

B, N, M, C, H, W = 2, 5, 7, 8, 6, 9


def counted(work) -> float:
    with torch.no_grad():
        return total(count_multiply_adds(work).by_stage)


@pytest.mark.parametrize(
    ("module", "shape", "by_hand"),
    [
        (nn.Linear(C, 3), (B, N, C), B * N * C * 3),
        (nn.Conv2d(C, 4, 3, padding=1, groups=2), (B, C, H, W), B * 4 * H * W * (C // 2) * 9),
        (nn.ConvTranspose2d(C, 4, 2, stride=2), (B, C, H, W), B * C * H * W * 4 * 4),
        (nn.LayerNorm(C), (B, N, C), 5 * B * N * C),
        (nn.GroupNorm(2, C, affine=False), (B, C, H, W), 4 * B * C * H * W),
        (nn.BatchNorm2d(C).eval(), (B, C, H, W), 2 * B * C * H * W),
        (nn.Upsample(scale_factor=2, mode="bilinear"), (B, C, H, W), 4 * B * C * 2 * H * 2 * W),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "",
)
def test_layers(module, shape, by_hand):
    x = torch.randn(shape)
    assert counted(lambda: module(x)) == by_hand
    fvcore = FlopCountAnalysis(module, (x,)).unsupported_ops_warnings(False)
    assert fvcore.total() == by_hand


@pytest.mark.parametrize("masked", [False, True])
def test_fused_attention_is_two_products(masked):
    q, k, v = (torch.randn(B, 2, length, C) for length in (N, M, M))
    mask = torch.ones(N, M, dtype=torch.bool) if masked else None
    count = counted(lambda: F.scaled_dot_product_attention(q, k, v, attn_mask=mask))
    assert count == 2 * B * 2 * N * M * C


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode, torch.enable_grad])
def test_attention_layers_are_counted_whole(mode):
    """Their fast path is one operation without a rule."""
    attention = nn.MultiheadAttention(C, 2, batch_first=True).eval()
    x = torch.randn(B, N, C)
    with mode():
        found = count_multiply_adds(lambda: attention(x, x, x, need_weights=False))
    assert total(found.by_stage) == B * (4 * N * C * C + 2 * N * N * C)
    assert torch.backends.mha.get_fastpath_enabled()


def test_products_of_all_kinds():
    a, b, vector = torch.randn(B, N, C), torch.randn(C, M), torch.randn(C)
    assert counted(lambda: a @ b) == B * N * C * M
    assert counted(lambda: torch.einsum("bnc,cm->bmn", a, b)) == B * N * C * M
    assert counted(lambda: torch.baddbmm(a @ a.mT, a, a.mT)) == 2 * B * N * N * C
    assert counted(lambda: a @ vector) == B * N * C


def test_a_training_step_costs_three_forward_passes():
    """Products for the gradient of the input and of the weight."""
    layer, x = nn.Linear(C, 3), torch.randn(N, C, requires_grad=True)
    count = total(count_multiply_adds(lambda: layer(x).sum().backward()).by_stage)
    assert count == 3 * N * C * 3


def test_stages_and_what_is_not_counted():
    first, second = nn.Linear(C, 3), nn.Linear(3, M)
    x = torch.randn(N, C)
    parts = [Part("backbone", first), Part("naming", second)]
    found = count_multiply_adds(lambda: second(first(x).softmax(-1).exp()), parts)
    assert found.by_stage == {"backbone": N * C * 3, "naming": N * 3 * M, "other": 0}
    assert found.not_counted == {"_softmax": 1, "element-wise": 1}


def test_parameters_of_parts():
    model = nn.ModuleDict({"backbone": nn.Linear(2, 3), "text": nn.ModuleDict()})
    model["text"]["visual"] = nn.Linear(2, 2, bias=False).requires_grad_(False)
    model["text"]["words"] = nn.Linear(1, 4)
    model["naming"] = model["text"]["words"]  # counted with its first owner
    assert count_parameters(model) == {
        "backbone": Parameters(9, 9),
        "CLIP's image tower": Parameters(4, 0),
        "text": Parameters(8, 8),
    }


def test_the_backbone_counts_as_fvcore_counts(shapes_bench):
    backbone = shapes_bench.model.backbone
    images = torch.randn(1, 3, 64, 96)
    fvcore = FlopCountAnalysis(backbone, (images,)).unsupported_ops_warnings(False)
    assert counted(lambda: backbone(images)) == fvcore.total()


def test_a_model(shapes_bench):
    size = model_size(shapes_bench)
    held = sum(part.total for part in size.parameters.values())
    assert held == sum(p.numel() for p in shapes_bench.model.parameters())
    assert size.parameters["text"].trained == 0
    # 36 names, 4 templates; asked by the head and by the second look
    assert (size.classes, size.prompts) == (36, 288)
    assert size.prompt > 1e6
    # the second look: a pass of CLIP for each of 16 proposals
    assert size.step.by_stage["refiners"] > size.step.by_stage["backbone"] > 0
    assert size.step.by_stage["text"] == 0
