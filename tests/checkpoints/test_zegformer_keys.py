import torch

from zs3.checkpoints.zegformer import convert
from zs3.config import get_config
from zs3.grouping import build_grouping
from zs3.naming import build_naming
from zs3.runtime.layers import ShapeSpec

R50 = {
    name: ShapeSpec(channels=256 * 2**i, stride=4 * 2**i)
    for i, name in enumerate(("res2", "res3", "res4", "res5"))
}


def converted(*keys: str) -> list[str]:
    return list(convert({key: torch.empty(0) for key in keys}))


def test_a_released_zegformer_fits_the_default_configuration():
    """Key patterns and shapes as the released R-50 head has them."""
    pixels, queries = "sem_seg_head.pixel_decoder.", "sem_seg_head.predictor."
    shapes: dict[str, tuple[int, ...]] = {
        f"{pixels}mask_features.weight": (256, 256, 3, 3),
        f"{pixels}mask_features.bias": (256,),
        f"{queries}bg_feature": (1, 512),
        f"{queries}logit_scale": (1,),
        f"{queries}projection_layer.weight": (512, 256),
        f"{queries}projection_layer.bias": (512,),
        f"{queries}query_embed.weight": (100, 256),
        f"{queries}input_proj.weight": (256, 2048, 1, 1),
        f"{queries}input_proj.bias": (256,),
        "criterion.empty_weight": (157,),
    }
    for level, channels in enumerate((256, 512, 1024), start=1):
        shapes[f"{pixels}adapter_{level}.weight"] = (256, channels, 1, 1)
        shapes[f"{pixels}layer_{level}.weight"] = (256, 256, 3, 3)
    shapes[f"{pixels}layer_4.weight"] = (256, 2048, 3, 3)
    for unit in [key.removesuffix("weight") for key in shapes if "er_" in key and "pix" in key]:
        if "adapter" in unit or "layer_" in unit.removeprefix(pixels):
            shapes[f"{unit}norm.weight"] = shapes[f"{unit}norm.bias"] = (256,)
    for layer in range(3):
        shapes[f"{queries}mask_embed.layers.{layer}.weight"] = (256, 256)
        shapes[f"{queries}mask_embed.layers.{layer}.bias"] = (256,)
    decoder = f"{queries}transformer.decoder."
    shapes[f"{decoder}norm.weight"] = shapes[f"{decoder}norm.bias"] = (256,)
    for layer in (f"{decoder}layers.{i}." for i in range(6)):
        for attention in ("self_attn", "multihead_attn"):
            shapes[f"{layer}{attention}.in_proj_weight"] = (768, 256)
            shapes[f"{layer}{attention}.in_proj_bias"] = (768,)
            shapes[f"{layer}{attention}.out_proj.weight"] = (256, 256)
            shapes[f"{layer}{attention}.out_proj.bias"] = (256,)
        shapes[f"{layer}linear1.weight"], shapes[f"{layer}linear1.bias"] = (2048, 256), (2048,)
        shapes[f"{layer}linear2.weight"], shapes[f"{layer}linear2.bias"] = (256, 2048), (256,)
        for i in (1, 2, 3):
            shapes[f"{layer}norm{i}.weight"] = shapes[f"{layer}norm{i}.bias"] = (256,)

    with torch.device("meta"):
        state = convert({key: torch.empty(shape) for key, shape in shapes.items()})
        grouping = build_grouping(get_config(), R50)
        naming = build_naming(get_config(), grouping.embedding_dim, text_dim=512)
    ours = {f"grouping.{key}": value for key, value in grouping.state_dict().items()}
    ours |= {f"naming.{key}": value for key, value in naming.state_dict().items()}
    assert {k: v.shape for k, v in state.items()} == {k: v.shape for k, v in ours.items()}


def test_the_backbone_keeps_its_names_and_the_loss_is_dropped():
    kept = "backbone.res2.0.conv1.weight"
    tables = "backbone.layers.0.blocks.1.attn_mask"
    assert converted(kept, "criterion.empty_weight", tables) == [kept]


def test_clip_becomes_the_text_encoders():
    assert converted(
        "sem_seg_head.predictor.clip_model.logit_scale",
        "sem_seg_head.predictor.clip_model.visual.transformer.resblocks.0.ln_1.bias",
    ) == [
        "text.encoder.model.logit_scale",
        "text.encoder.model.visual.transformer.resblocks.0.ln_1.bias",
    ]


def test_the_transformer_encoder_has_its_pyramid_inside():
    pixels = "sem_seg_head.pixel_decoder."
    assert converted(
        f"{pixels}input_proj.weight",
        f"{pixels}layer_4.norm.weight",
        f"{pixels}transformer.encoder.layers.1.norm2.bias",
        f"{pixels}transformer.encoder.norm.bias",
    ) == [
        "grouping.pixel_decoder.input_proj.weight",
        "grouping.pixel_decoder.fpn.output.3.norm.weight",
        "grouping.pixel_decoder.encoder.layers.1.feed_forward.norm.bias",
        "grouping.pixel_decoder.encoder.norm.bias",
    ]


def test_first_versions_get_their_missing_names_and_new_ones_are_left_alone():
    old = ["sem_seg_head.adapter_1.weight", "sem_seg_head.predictor.static_query.weight"]
    new = [
        "sem_seg_head.pixel_decoder.adapter_1.weight",
        "sem_seg_head.predictor.query_feat.weight",
    ]
    ours = ["grouping.pixel_decoder.lateral.0.weight", "grouping.decoder.query_feat.weight"]
    assert converted(*old) == converted(*new) == ours


def test_the_masked_decoders_lists_become_layers():
    queries = "sem_seg_head.predictor."
    assert converted(
        f"{queries}transformer_cross_attention_layers.2.multihead_attn.in_proj_bias",
        f"{queries}transformer_self_attention_layers.2.norm.bias",
        f"{queries}transformer_ffn_layers.10.linear1.bias",
        f"{queries}decoder_norm.weight",
        f"{queries}class_embed.weight",
    ) == [
        "grouping.decoder.layers.2.cross_attention.attention.in_proj_bias",
        "grouping.decoder.layers.2.self_attention.norm.bias",
        "grouping.decoder.layers.10.feed_forward.linear1.bias",
        "grouping.decoder.norm.weight",
        "naming.linear.weight",
    ]


def test_the_per_pixel_baselines_convolution_becomes_linear():
    state = convert(
        {
            "sem_seg_head.projection_layer.weight": torch.arange(6.0).view(3, 2, 1, 1),
            "sem_seg_head.logit_scale": torch.ones(1),
        }
    )
    assert torch.equal(state["naming.projection.0.weight"], torch.arange(6.0).view(3, 2))
    assert "naming.logit_scale" in state
