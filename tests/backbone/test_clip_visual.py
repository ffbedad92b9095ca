from types import SimpleNamespace

import open_clip
import pytest
import torch
from open_clip.transformer import VisionTransformer

from zs3.backbone import ClipVisual, clip_visual
from zs3.backbone.clip_visual import resize_positions
from zs3.config import add_zs3_config
from zs3.runtime.config import get_cfg
from zs3.runtime.layers import ShapeSpec
from zs3.text.split_attention import split_attention

B, C, D, LAYERS, HEADS, PATCH = 2, 8, 6, 3, 2, 4


def vision_transformer(layers=LAYERS, **options):
    torch.manual_seed(0)
    visual = VisionTransformer(
        image_size=(12, 16),
        patch_size=PATCH,
        width=C,
        layers=layers,
        heads=HEADS,
        mlp_ratio=2.0,
        output_dim=D,
        **options,
    )
    for parameter in visual.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return visual.eval()


@pytest.fixture
def visual():
    return vision_transformer()


@pytest.fixture
def images():
    return torch.randn(B, 3, 12, 16)


def test_the_summary_is_open_clips_embedding(visual, images):
    tower = ClipVisual(visual=visual)
    torch.testing.assert_close(tower.encode(images), visual(images))
    torch.testing.assert_close(tower.features(images).summary, visual(images))
    assert tower.dim == D


def test_dense_tokens_are_open_clips_last_tokens_projected(visual, images):
    patches = ClipVisual(visual=visual).features(images).patches
    visual.output_tokens = True
    _, tokens = visual(images)
    assert patches.shape == (B, D, 3, 4)
    torch.testing.assert_close(patches[1, :, 2, 1], tokens[1, 2 * 4 + 1] @ visual.proj)


def test_the_value_path_is_attention_to_oneself(visual, images):
    tower = ClipVisual(visual=visual, dense="value", levels=[1])
    features = tower.features(images)

    last = visual.transformer.resblocks[-1]
    tokens = last.ln_1(features.levels[0].flatten(2).transpose(1, 2))
    alone = torch.full((12, 12), -torch.inf).fill_diagonal_(0)
    expected = visual.ln_post(last.attention(tokens, attn_mask=alone)) @ visual.proj
    torch.testing.assert_close(features.patches.flatten(2).transpose(1, 2), expected)
    torch.testing.assert_close(features.summary, visual(images))


def test_levels_are_the_blocks_outputs_in_the_order_asked_for(visual, images):
    tower = ClipVisual(visual=visual, levels=[2, 0])
    expected = visual.forward_intermediates(images, indices=[0, 2])["image_intermediates"]
    torch.testing.assert_close(list(tower.features(images).levels), expected[::-1])

    maps = tower(images)
    assert list(maps) == ["clip", "block2", "block0"]
    assert {name: spec.channels for name, spec in tower.output_shape().items()} == {
        name: x.shape[1] for name, x in maps.items()
    }
    assert {spec.stride for spec in tower.output_shape().values()} == {PATCH}


@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
def test_any_size_that_patches_divide(visual, interpolation):
    tower = ClipVisual(visual=visual, interpolation=interpolation)
    assert tower.features(torch.randn(1, 3, 20, 8)).patches.shape == (1, D, 5, 2)
    assert tower.encode(torch.randn(3, 3, 4, 24)).shape == (3, D)


def test_positions_of_another_grid_by_hand():
    positions = torch.tensor([[9.0], [0.0], [4.0]])
    # Cell centres of four cells are at -0.25, 0.25, 0.75, 1.25 of two; the outer ones are clamped.
    expected = torch.tensor([[9.0], [0.0], [1.0], [3.0], [4.0]])
    torch.testing.assert_close(resize_positions(positions, (1, 2), (1, 4), "bilinear"), expected)
    assert resize_positions(positions, (1, 2), (1, 2), "bicubic") is positions


def test_the_tower_is_shared_and_nothing_is_added(visual):
    tower = ClipVisual(visual=visual)
    assert tower.visual is visual
    assert tower.state_dict().keys() == {f"visual.{key}" for key in visual.state_dict()}


def test_the_class_embedding_may_be_added_twice(visual, images):
    got = ClipVisual(visual=visual, add_class_twice=True).encode(images)
    with torch.no_grad():
        visual.class_embedding.mul_(2)
    torch.testing.assert_close(got, visual(images))


def test_the_first_blocks_read_new_prompts(visual, images):
    """Those of the last such block stay beside the patches, up to the end."""
    tower = ClipVisual(visual=visual, dense="value_block", levels=[0, 2], prompts=(2, 5))
    assert tower.prompts.shape == (2, 5, C)
    features = tower.features(images)
    start, _ = tower.embed(images)
    first, second = (prompts.expand(B, -1, -1) for prompts in tower.prompts)
    after = tower.blocks[0](torch.cat([start[:, :1], first, start[:, 1:]], 1))
    torch.testing.assert_close(features.levels[0].flatten(2).mT, after[:, 6:])
    before = tower.blocks[1](torch.cat([after[:, :1], second, after[:, 6:]], 1))
    last = tower.blocks[2](before)
    torch.testing.assert_close(features.levels[1].flatten(2).mT, last[:, 6:])
    torch.testing.assert_close(features.summary, tower.project(last[:, 0]))
    dense = clip_visual.DENSE_MODES["value_block"](tower.blocks[2], before, last)
    torch.testing.assert_close(features.patches.flatten(2).mT, tower.project(dense[:, 6:]))
    features.patches.sum().backward()
    assert (tower.prompts.grad.abs().sum((1, 2)) > 0).all()


def test_a_mask_of_everything_gives_the_embedding_of_the_image(visual, images):
    tower = ClipVisual(visual=visual)
    got = tower.pooled(images, torch.ones(B, 5, 12, 16, dtype=torch.bool))
    assert got.shape == (B, 5, D)
    torch.testing.assert_close(got, visual(images)[:, None].expand(-1, 5, -1))


def test_pixels_outside_a_mask_do_not_matter():
    """With a single block, where patches have not looked at each other yet."""
    tower = ClipVisual(visual=vision_transformer(layers=1))
    images = torch.randn(1, 3, 12, 16)
    masks = torch.zeros(1, 2, 3, 4)
    masks[0, 0, :2, :3] = 1
    before = tower.pooled(images, masks)
    images[:, :, 8:] += 1
    images[:, :, :, 12:] -= 1
    after = tower.pooled(images, masks)
    torch.testing.assert_close(after[:, 0], before[:, 0])
    images[:, :, 0, 0] += 1
    assert not torch.allclose(tower.pooled(images, masks)[:, 0], before[:, 0])


def test_masks_do_not_influence_each_other_and_empty_ones_are_finite(visual, images):
    tower = ClipVisual(visual=visual)
    masks = torch.rand(B, 4, 7, 9) > 0.5
    masks[:, 2] = False
    together = tower.pooled(images, masks)
    assert torch.isfinite(together).all()
    torch.testing.assert_close(tower.pooled(images, masks[:, 1:3]), together[:, 1:3])
    torch.testing.assert_close(tower.pooled(images[1:], masks[1:]), together[1:])


def test_masks_count_by_their_share_of_a_patch(visual, images):
    tower = ClipVisual(visual=visual)
    half = torch.zeros(B, 1, 12, 16)
    half[:, :, ::2] = 1
    torch.testing.assert_close(
        tower.pooled(images, half.bool()), tower.pooled(images, torch.full((B, 1, 3, 4), 0.5))
    )


def test_gradients_reach_images_and_weights(visual, images):
    tower = ClipVisual(visual=visual, dense="value")
    features = tower.features(images.requires_grad_())
    (features.patches.sum() + features.summary.sum()).backward()
    assert images.grad.abs().sum() > 0
    # The last perceptron, which patches never pass, is frozen: processes that train together would
    # wait for its gradient.
    assert all((p.grad is not None) == p.requires_grad for p in visual.parameters())


@pytest.mark.parametrize("dense", ["value_block", "value_class"])
@torch.no_grad()
def test_a_whole_block_around_the_value_path(visual, images, dense):
    """CAT-Seg: y = x + u, or y = x[class] + u, and then y + MLP(ln_2(y)) for every patch."""
    features = ClipVisual(visual=visual, dense=dense, levels=[1]).features(images)

    tokens, _ = ClipVisual(visual=visual).embed(images)
    for block in visual.transformer.resblocks[:-1]:
        tokens = block(tokens)
    last = visual.transformer.resblocks[-1]
    alone = torch.full((13, 13), -torch.inf).fill_diagonal_(0)
    residual = tokens if dense == "value_block" else tokens[:, :1]
    middle = residual + last.attention(last.ln_1(tokens), attn_mask=alone)
    expected = visual.ln_post(middle + last.mlp(last.ln_2(middle))) @ visual.proj
    torch.testing.assert_close(features.patches.flatten(2).mT, expected[:, 1:])
    torch.testing.assert_close(features.summary, visual(images))


def test_queries_and_keys_nobody_asks_are_frozen(visual, images):
    clip = SimpleNamespace(modules=visual.modules)
    split_attention(clip)
    tower = ClipVisual(visual=visual, dense="value_class")
    tower.features(images).patches.sum().backward()
    last = tower.blocks[-1].attn
    assert not last.q_proj_weight.requires_grad and not last.k_proj_weight.requires_grad
    assert all((p.grad is not None) == p.requires_grad for p in visual.parameters())


@torch.no_grad()
def test_images_are_squashed_to_a_square(visual):
    images = torch.randn(B, 3, 10, 23)
    got = ClipVisual(visual=visual, image_size=12)(images)["clip"]
    squashed = torch.nn.functional.interpolate(images, (12, 12), mode="bilinear")
    torch.testing.assert_close(got, ClipVisual(visual=visual)(squashed)["clip"])


def test_from_a_configuration(visual, images, monkeypatch):
    """The tower of the CLIP that MODEL.CLIP names."""
    named = {("ViT-B-32", "openai"): (SimpleNamespace(visual=visual), None)}
    monkeypatch.setattr(
        clip_visual,
        "configured_clip",
        lambda cfg: named[cfg.MODEL.CLIP.NAME, cfg.MODEL.CLIP.PRETRAINED],
    )
    cfg = get_cfg()
    add_zs3_config(cfg)
    cfg.MODEL.CLIP.NAME, cfg.MODEL.CLIP.PRETRAINED = "ViT-B-32", "openai"
    cfg.MODEL.CLIP_VISUAL.LEVELS, cfg.MODEL.CLIP_VISUAL.INTERPOLATION = [0], "bilinear"
    tower = ClipVisual(cfg, ShapeSpec(channels=3))
    assert tower.visual is visual and tower.interpolation == "bilinear"
    expected = ClipVisual(visual=visual, dense="value", levels=[0])(images)
    torch.testing.assert_close(tower(images), expected)


def test_refusals(visual):
    with pytest.raises(ValueError, match=r"dense is 'key'; expected one of tokens, value"):
        ClipVisual(visual=visual, dense="key")
    with pytest.raises(ValueError, match=r"levels is \[3\]; expected numbers of 0\.\.2"):
        ClipVisual(visual=visual, levels=[3])
    for prompts in ((4, 1), (1, 0), (0, 1)):
        with pytest.raises(
            ValueError, match=r"expected 1 or more for 1\.\.3, or \[0, 0\] for none"
        ):
            ClipVisual(visual=visual, prompts=prompts)
    with pytest.raises(ValueError, match="images of 12x18 do not divide into patches of 4x4"):
        ClipVisual(visual=visual).encode(torch.randn(1, 3, 12, 18))
    resnet = open_clip.model.ModifiedResNet([1, 1, 1, 1], output_dim=D, heads=2, width=8)
    with pytest.raises(ValueError, match="with a class token, but got a ModifiedResNet; choose"):
        ClipVisual(visual=resnet)
    with pytest.raises(ValueError, match="with a class token, but got a VisionTransformer"):
        ClipVisual(visual=vision_transformer(pool_type="avg"))
