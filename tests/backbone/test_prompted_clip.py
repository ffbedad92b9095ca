from types import SimpleNamespace

import pytest
import torch
from open_clip.transformer import VisionTransformer
from torch.nn import functional as F

from zs3.backbone import ClipVisual, PromptedClipVisual
from zs3.config import get_config
from zs3.runtime.layers import ShapeSpec
from zs3.text import clip

B, C, D, BLOCKS, PATCH, P = 2, 8, 6, 3, 4, 5


def vision_transformer():
    torch.manual_seed(0)
    visual = VisionTransformer(
        image_size=12, patch_size=PATCH, width=C, layers=BLOCKS, heads=2, mlp_ratio=2, output_dim=D
    )
    for parameter in visual.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return visual.eval()


def prompted(**options):
    tower = ClipVisual(visual=vision_transformer(), interpolation="bilinear")
    return PromptedClipVisual(tower=tower, num_prompts=P, **options).eval()


@pytest.fixture
def images():
    torch.manual_seed(1)
    return torch.randn(B, 3, 12, 16)


def test_features_have_unit_length_and_the_sizes_they_are_announced_with(images):
    backbone = prompted(levels=[0, 2])
    features = backbone(images)
    shapes = backbone.output_shape()
    assert list(features) == list(shapes) == ["block0", "block2", "clip", "clip_summary"]
    for name, feature in features.items():
        size = (1, 1) if name == "clip_summary" else (3, 4)
        assert feature.shape == (B, shapes[name].channels, *size)
        torch.testing.assert_close(feature.norm(dim=1), torch.ones(B, *size))


def test_prompts_that_nobody_attends_to_leave_the_tower_as_it_is(images):
    """With one block: a prompt far away in the direction that no key shares gets no attention."""
    backbone = prompted(prompted_blocks=1)
    visual = backbone.tower.visual
    del visual.transformer.resblocks[1:]
    attention = visual.transformer.resblocks[0].attn
    with torch.no_grad():
        attention.in_proj_weight[: 2 * C] = 0  # every query is one, every key its bias:
        attention.in_proj_bias[: 2 * C] = 0  # all attend alike, to P tokens more
        attention.in_proj_weight[2 * C :] = 0  # but there is one value for all
    expected = backbone.tower.visual.transformer.resblocks[0](backbone.tower.embed(images)[0])
    expected = backbone.tower.project(backbone.prompt_norm(expected))
    got = backbone(images)
    torch.testing.assert_close(
        got["clip"].flatten(2).mT, F.normalize(expected[:, 1:], dim=-1), atol=1e-5, rtol=1e-4
    )
    torch.testing.assert_close(
        got["clip_summary"].flatten(1), F.normalize(expected[:, 0], dim=-1), atol=1e-5, rtol=1e-4
    )


def test_only_prompted_blocks_have_prompts(images):
    assert prompted().deep_prompts.shape == (BLOCKS - 1, P, C)
    backbone = prompted(prompted_blocks=2)
    assert backbone.deep_prompts.shape == (1, P, C)
    lengths = []
    for block in backbone.tower.blocks:
        block.register_forward_hook(lambda *call: lengths.append(call[2].shape[1]))
    backbone(images)
    assert lengths == [1 + P + 12, 1 + P + 12, 1 + 12]


def test_a_level_is_its_block_normed_and_projected(images):
    backbone = prompted(levels=[1])
    taken = {}
    backbone.tower.blocks[1].register_forward_hook(lambda *call: taken.update(x=call[2]))
    (level,) = (backbone(images)["block1"],)
    normed = backbone.level_norms[0](backbone.prompt_norm(taken["x"][:, 1 + P :]))
    expected = F.normalize(normed @ backbone.level_projections[0], dim=-1)
    torch.testing.assert_close(level.flatten(2).mT, expected)


def test_one_by_one_equals_the_batch(images):
    backbone = prompted(levels=[1])
    together = backbone(images)
    for i in range(B):
        for name, feature in backbone(images[i : i + 1]).items():
            torch.testing.assert_close(feature, together[name][i : i + 1])


def test_every_prompt_matters_and_gets_a_gradient(images):
    backbone = prompted(levels=[0])
    features = backbone(images)
    sum((feature**3).sum() for feature in features.values()).backward()
    for parameter in (backbone.prompts, backbone.deep_prompts):
        assert (parameter.grad.abs().sum((1, 2)) > 0).all()


def test_dropout_draws_for_every_image_anew():
    backbone = prompted(dropout=0.5).train()
    twice = torch.randn(1, 3, 12, 12).expand(2, -1, -1, -1)
    a, b = backbone(twice)["clip"]
    assert not torch.allclose(a, b)


def build(visual, monkeypatch, *options):
    load = lambda *name: (SimpleNamespace(visual=visual), None)  # noqa: E731
    monkeypatch.setattr(clip, "load_clip", load)
    cfg = get_config(opts=["MODEL.CLIP_VISUAL.INTERPOLATION", "bilinear", *options])
    return PromptedClipVisual(cfg, ShapeSpec(channels=3))


def test_from_a_configuration_with_positions_for_another_size(images, monkeypatch):
    visual = vision_transformer()
    plain = build(visual, monkeypatch, "MODEL.CLIP_VISUAL.LEVELS", [1])
    assert plain.prompts.shape == (1, 10, C) and plain.levels == (1,)
    expected = plain.tower.embed(torch.zeros(1, 3, 24, 24))[0]

    larger = build(visual, monkeypatch, "MODEL.CLIP_VISUAL.IMAGE_SIZE", 24)
    assert larger.tower.visual.positional_embedding.shape == (1 + 6 * 6, C)
    torch.testing.assert_close(larger.tower.embed(torch.zeros(1, 3, 24, 24))[0], expected)


def test_refusals(monkeypatch):
    with pytest.raises(ValueError, match="0 prompts for 0 blocks; expected 1 prompt or more"):
        PromptedClipVisual(tower=ClipVisual(visual=vision_transformer()), num_prompts=0)
    with pytest.raises(ValueError, match=r"5 prompts for 4 blocks; .* for up to 3 blocks"):
        prompted(prompted_blocks=4)
    with pytest.raises(ValueError, match=r"levels is \[1, 0\]; expected increasing numbers of 0"):
        prompted(levels=[1, 0])
    with pytest.raises(ValueError, match="IMAGE_SIZE is 13; expected a multiple of the patches"):
        build(vision_transformer(), monkeypatch, "MODEL.CLIP_VISUAL.IMAGE_SIZE", 13)
