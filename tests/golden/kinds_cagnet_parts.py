"""Golden checks of the parts of SPNet, CaGNet and ZS3Net, each for itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import torch
from golden import Case, check_all
from torch import Tensor, nn
from torch.nn import functional as F

from zs3.backbone import DeepLabV2, ResNet
from zs3.backbone.resnet import Bottleneck, Stem, make_stage
from zs3.backbone.scales import MultiScale
from zs3.checkpoints import cagnet
from zs3.checkpoints import zs3net as zs3net_keys
from zs3.criterion.grid import GridCrossEntropy, at_grid
from zs3.engine.optimizer import parameter_groups
from zs3.generation import Generator, GraphGenerator
from zs3.generation.blocks import cut, enough_unseen, few_classes, fill
from zs3.generation.context import ContextualModule, code_divergence
from zs3.generation.generators import xavier
from zs3.generation.graph import region_graph
from zs3.generation.pixel_cnn import PixelCNN, sample_blocks
from zs3.grouping import ASPPDecoder, BackboneMap, ContextualPixels, PixelGrid
from zs3.images import ImageBatch
from zs3.naming import Critic, Linear, Projection
from zs3.readout import PixelReadout
from zs3.refinement import SeenBias
from zs3.regions import Regions, highest
from zs3.scene import Scene
from zs3.vocabulary import IGNORE, Vocabulary

PUBLISHED_IGNORE = 255
CAGNET_DROPOUT = (0.1, 0.1, 0.3, 0.5, 0.5)


def part(state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): v for key, v in state.items() if key.startswith(prefix)}


def deeplab_v2(meta: dict[str, Any], channels: int) -> DeepLabV2:
    w = meta["w"]
    stages, in_channels = [], w
    options = zip(meta["n_blocks"], (1, 2, 1, 1), (1, 1, 2, 4), strict=True)
    for i, (blocks, stride, dilation) in enumerate(options):
        out_channels = 4 * w * 2**i
        stages.append(
            make_stage(
                Bottleneck,
                in_channels,
                out_channels,
                width=w * 2**i,
                stride=stride,
                dilations=[dilation] * blocks,
                stride_in_1x1=True,
                norm="FrozenBN",
            )
        )
        in_channels = out_channels
    stem = Stem(3, w, norm="FrozenBN", ceil_mode=True)
    return DeepLabV2(
        stem=stem, stages=stages, channels=channels, dilations=meta.get("pyramids", (6, 12, 18, 24))
    )


def scaled_deeplab(meta: dict[str, Any], channels: int, in_prediction: bool = True) -> MultiScale:
    net = deeplab_v2(meta, channels)
    return MultiScale(net, scales(meta)[1:], in_prediction=in_prediction)


def scales(meta: dict[str, Any]) -> list[float]:
    return meta.get("msc", [1.0, 0.5, 0.75])


def percent(scale: float) -> str:
    return str(round(100 * scale))


def spnet(case: Case) -> nn.ModuleDict:
    dim = case.meta["emb_dim"]
    model = nn.ModuleDict(
        {
            "backbone": scaled_deeplab(case.meta, dim),
            "grouping": PixelGrid(pixel_decoder=BackboneMap(in_feature="aspp", in_channels=dim)),
            "naming": Projection(in_dim=dim, dim=dim, layers=0),
        }
    )
    model.load_state_dict(cagnet.convert(case.prefixed_state))
    return model


@torch.no_grad()
def spnet_infer(case: Case) -> None:
    model, image = spnet(case).eval(), case.inputs["image"].flip(1)
    text = case.inputs["class_emb"][:, None]
    maps = model["backbone"](image)
    groups = model["grouping"](maps)
    logits = [model["naming"](group, text) for group in groups]
    got = {"aspp_scale1": maps["aspp"], "logits_msc_max": highest(groups, logits)}
    for scale, map_ in zip(scales(case.meta), maps.values(), strict=True):
        regions = Regions.of_pixels(map_)
        got[f"logits_{percent(scale)}"] = regions.paint(model["naming"](regions, text))

    names = [str(k) for k in range(case.meta["n_classes"])]
    vocabulary = Vocabulary.of(names, names[case.meta["n_seen"] :])
    images = ImageBatch(tuple(image))
    is_seen = torch.tensor([vocabulary.is_seen])
    scene = Scene(images, {}, groups[-1], (vocabulary,), is_seen, tuple(groups[:-1]))
    for gamma, scores, labels in (
        (0.0, "prob_stride7", "pred_stride3"),
        (case.meta["gamma"], "calibrated_stride7", "pred_calibrated_stride3"),
    ):
        readout = PixelReadout(bias=SeenBias(gamma=gamma), merge="max")
        read = readout.read(readout.prepare(scene, logits), 0, images.sizes[0])
        got[scores] = read.scores()[None, :, ::7, ::7]
        got[labels] = read.labels(4)[None, ::3, ::3]
    check_all(case, got)


def spnet_train_step(case: Case) -> None:
    model = spnet(case).train()
    targets = case.inputs["target"].clone()
    targets[targets == -1] = IGNORE
    groups = model["grouping"](model["backbone"](case.inputs["image"].flip(1)))
    text = case.inputs["class_emb"][:, None]
    losses = GridCrossEntropy()(groups, [model["naming"](g, text) for g in groups], targets)
    total = torch.stack(list(losses.values())).sum()
    total.backward()
    got = {"loss": total}
    own, *others = map(percent, scales(case.meta))
    supervised = [*groups, groups[-1]]
    for name, group, loss in zip([*others, own, "max"], supervised, losses.values(), strict=True):
        labels = at_grid(targets, group.grid).unflatten(1, group.grid)
        got |= {f"loss_{name}": loss, f"target_{name}": labels.where(labels != IGNORE, -1)}
    check_groups(case, model)
    check_all(case, got | gradients(case, model, "grad/"))


def check_groups(case: Case, model: nn.Module) -> None:
    """What the published optimizer trains, and how fast."""
    groups = parameter_groups(
        model,
        lr=1.0,
        weight_decay=5e-4,
        weight_decay_norm=5e-4,
        weight_decay_embed=5e-4,
        weight_decay_bias=0.0,
        lr_multipliers=[("aspp.*bias", 20), ("aspp", 10)],
    )
    expected = {
        next(iter(cagnet.convert({name: case.state[name]}))): float(group.removesuffix("x"))
        for group, names in case.meta["param_groups"].items()
        for name in names
    }
    rates = {name: group["lr"] for group in groups for name, _ in group["params"]}
    assert rates == expected
    assert [g["weight_decay"] for g in groups] == [0 if g["lr"] == 20 else 5e-4 for g in groups]


def gradients(case: Case, model: nn.Module, prefix: str) -> dict[str, Tensor]:
    """Of the parameters whose published names the case has behind `prefix`."""
    trained = dict(model.named_parameters())
    return {
        name: published(name.removeprefix(prefix), trained, case, gradient=True)
        for name in case.outputs
        if name.startswith(prefix)
    }


def published(key: str, ours: dict[str, Tensor], case: Case, *, gradient: bool = False) -> Tensor:
    """A tensor of ours (or its gradient) as the published model has it."""
    theirs = case.meta.get("prefix", "") + key
    (own,) = cagnet.convert({theirs: case.state[key]})
    value = ours[own]
    if gradient:
        value = torch.zeros_like(value) if value.grad is None else value.grad
    if own.endswith("stem.conv1.weight"):
        value = value.flip(1)
    return value.reshape(case.state[key].shape)


def contextual(meta: dict[str, Any]) -> nn.ModuleDict:
    dim = meta["word_dim"]
    context = ContextualModule(
        dim=dim,
        context_dim=meta["context_channels"],
        with_selector=meta.get("context_selector", True),
        pool_padding=meta.get("contextualpool_padding", 0),
    )
    pixels = BackboneMap(in_feature="aspp", in_channels=dim)
    return nn.ModuleDict(
        {
            "backbone": scaled_deeplab(meta, dim),
            "grouping": ContextualPixels(pixel_decoder=pixels, context=context),
        }
    )


def labelled(gt: Tensor, grid: tuple[int, int]) -> Tensor:
    return at_grid(own_labels(gt), grid) != IGNORE


def own_labels(gt: Tensor) -> Tensor:
    return gt.long().where(gt != PUBLISHED_IGNORE, IGNORE)


@torch.no_grad()
def cagnet_backbone_eval(case: Case) -> None:
    model = contextual(case.meta).eval()
    model.load_state_dict(cagnet.convert(case.prefixed_state))
    maps = model["backbone"](case.inputs["image"].flip(1))
    got = {"mid_aspp": maps["aspp"]}
    names = {
        "mean": "contextuallocalmu",
        "log_variance": "contextuallocalsigma",
        "pool": "contextualpool",
        "selector": "fc_1",
        **{f"levels.{i}": f"contextual{i + 1}" for i in range(3)},
    }
    context = model["grouping"].context

    def keep(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, given: object, made: Tensor) -> None:
            got[f"mid_{name}"] = made if name == "contextuallocalmu" else made.relu()

        return hook

    hooks = [context.get_submodule(k).register_forward_hook(keep(n)) for k, n in names.items()]
    own = context(maps["aspp"])
    for hook in hooks:
        hook.remove()
    features = [context(value).features for value in maps.values()]
    size = features[0].shape[2:]
    resized = [F.interpolate(f, size, mode="bilinear", align_corners=False) for f in features]
    rows = Regions.of_pixels(own.mean), Regions.of_pixels(own.log_variance)
    got |= {
        "feature_msc_max": torch.stack(resized).amax(0),
        "feature": own.features,
        "latent": own.code,
        "KLD": code_divergence(
            *(r.embeddings for r in rows), labelled(case.inputs["gt"], rows[0].grid)
        ),
    }
    (region,) = model["grouping"](maps)
    assert torch.equal(region.paint(region.embeddings), own.features)
    check_all(case, got)


def cagnet_backbone_train(case: Case) -> None:
    model = contextual(case.meta).train()
    model.load_state_dict(cagnet.convert(case.prefixed_state))
    with drawn_codes(case):
        *others, best, own = model["grouping"](model["backbone"](case.inputs["image"].flip(1)))
    code = own.context
    divergence = code_divergence(
        Regions.of_pixels(code.mean).embeddings,
        Regions.of_pixels(code.log_variance).embeddings,
        labelled(case.inputs["gt"], own.grid),
    )
    divergence.backward()
    got = {"KLD": divergence, "latent": code.code, "feature_max": best.paint(best.embeddings)}
    for scale, regions in zip(scales(case.meta), [own, *others], strict=True):
        got[f"feature_{percent(scale)}"] = regions.paint(regions.embeddings)
    check_all(case, got | gradients(case, model, "grad_KLD/"))


def drawn_codes(case: Case) -> Any:  # Any: a context manager
    """The noise of the case in the place of random numbers, scale by scale."""
    own, *others = scales(case.meta)
    noise = iter([case.inputs[f"eps_{percent(scale)}"] for scale in (*others, own)])
    return patch.object(torch, "randn_like", lambda like: next(noise))


def cagnet_generator(case: Case) -> None:
    generator = Generator(**generator_sizes(case.meta)).eval()
    state = cagnet.convert(case.prefixed_state)
    generator.load_state_dict(part(state, "criterion.generator."))
    text, noise = case.inputs["sample"].movedim(1, -1).split(case.meta["word_dim"], dim=-1)
    check_all(case, {"feature": generator(text, noise).movedim(-1, 1)})


def generator_sizes(meta: dict[str, Any]) -> dict[str, Any]:
    dim = meta["word_dim"]
    return {
        "text_dim": dim,
        "noise_dim": dim,
        "feature_dim": dim,
        "hidden": meta["hidden"],
        "dropout": meta.get("dropout", CAGNET_DROPOUT),
        "bounded": True,
    }


def critic_of(sizes: dict[str, Any], text_dim: int, patch_side: int, **options: Any) -> Critic:
    return Critic(
        in_dim=sizes["in_dim_fc"],
        text_dim=text_dim,
        num_classes=sizes["out_dim_cls"] - 1,
        hidden=sizes["out_dim_fc"],
        dropout=sizes["drop_fc"],
        patch=patch_side,
        **options,
    )


def cagnet_discriminator(case: Case) -> None:
    regions = Regions.of_pixels(case.inputs["feature"])
    critic = loaded_critic(case, case.meta["hp"])
    got = {
        "gan": regions.paint(critic.judge(regions.embeddings)[..., None]),
        "cls": regions.paint(critic.classify(regions.embeddings, regions.grid)),
    }
    check_all(case, got)


def loaded_critic(case: Case, sizes: dict[str, Any]) -> Critic:
    """In evaluation mode; the case has no word vectors."""
    state = part(cagnet.convert(case.prefixed_state), "naming.")
    side = state["patch.weight"].shape[-1] if "patch.weight" in state else 1
    critic = critic_of(sizes, 1, side).eval()
    critic.load_state_dict(state | {"vectors": critic.vectors})
    return critic


def cagnetv2_pixelcnn(case: Case) -> None:
    meta = case.meta
    network = pixel_cnn(case)
    text = case.inputs["class_emb"]
    blocks = cut(own_labels(case.inputs["gt"]), meta["block_size"])
    filled = fill(blocks, meta["fill_rounds"])
    whole = (filled != IGNORE).flatten(1).all(1)
    known = text[filled.where(filled != IGNORE, 0)]
    with torch.no_grad():
        logits = network(known[whole], known[whole])
        given = text[case.inputs["sample_labels"]]
        wanted = text[case.inputs["unseen_label"]][:, None, None].expand_as(given)
        sampling = network(given, wanted)
    expected = case.outputs["logits"]
    if len(expected) != len(logits):  # rows of blocks that were dropped are zeros
        logits = torch.zeros_like(expected).index_put((whole.nonzero()[:, 0],), logits)
    check_all(
        case,
        {
            "blocks": their_labels(blocks),
            "blocks_filled": their_labels(filled),
            "fully_filled": whole,
            "logits": logits,
            "loss": F.cross_entropy(
                network(known[whole], known[whole]), blocks[whole], ignore_index=IGNORE
            ),
            "logits_sampling": sampling,
        },
    )


def their_labels(labels: Tensor) -> Tensor:
    return labels.where(labels != IGNORE, PUBLISHED_IGNORE)


def pixel_cnn(case: Case) -> PixelCNN:
    state = cagnet.convert_pixel_cnn(case.state)
    layers = len({key.split(".")[1] for key in state if key.startswith("layers.")})
    network = PixelCNN(
        text_dim=case.meta["word_dim"],
        num_classes=case.meta["n_classes"],
        kernel=state["layers.0.conv.weight"].shape[-1],
        width=case.meta["width"],
        dropout=[0.5] * layers,
    )
    network.load_state_dict(state)
    return network.eval()


def cagnetv2_block_sampler(case: Case) -> None:
    meta, inputs = case.meta, case.inputs
    K, unseen, side = meta["n_classes"], meta["num_unseen"], meta["block_size"]
    is_unseen = torch.arange(K) >= K - unseen
    wanted = K - unseen + (unseen * inputs["u_class"]).long()
    sample = sample_blocks(
        pixel_cnn(case),
        inputs["class_emb"],
        wanted,
        inputs["u"],
        side=side,
        given=meta["first_unseen"],
        is_unseen=is_unseen,
        top=inputs["topk"].item(),
        bonus=inputs["unseen_adder"].item() * K,
    )
    enough = enough_unseen(sample, is_unseen, meta["threshold"])
    check_all(
        case,
        {
            "h0": wanted[:, None].expand(-1, side * side),
            "sample": sample,
            "kept_after_threshold": enough.nonzero()[:, 0],
            "kept": sample[enough & few_classes(sample, meta["cc_max"])],
        },
    )


def zs3_backbone(meta: dict[str, Any]) -> ResNet:
    width, in_channels = meta["width"], meta["width"]
    sixteen = meta["output_stride"] == 16
    strides = (1, 2, 2, 1) if sixteen else (1, 2, 1, 1)
    dilations = (1, 1, 1, 2) if sixteen else (1, 1, 2, 4)
    stages = []
    for i, (blocks, stride, dilation) in enumerate(
        zip(meta["blocks"], strides, dilations, strict=True)
    ):
        out_channels = 4 * width * 2**i
        grid = (1, 2, 4) if i == 3 else (1,) * blocks
        stages.append(
            make_stage(
                Bottleneck,
                in_channels,
                out_channels,
                width=width * 2**i,
                stride=stride,
                dilations=[dilation * factor for factor in grid],
                norm="BN",
            )
        )
        in_channels = out_channels
    return ResNet(stem=Stem(3, width, norm="BN"), stages=stages, out_features=("res2", "res5"))


def zs3net(meta: dict[str, Any], state: dict[str, Tensor], **options: Any) -> nn.ModuleDict:
    """A published segmentation network whose sizes, where `meta` lacks them, are the state's."""
    sizes = {"width": state["backbone.conv1.weight"].shape[0], **meta}
    if "blocks" not in sizes:
        numbers = [
            {k.split(".")[2] for k in state if k.startswith(f"backbone.layer{i}.")}
            for i in range(1, 5)
        ]
        sizes["blocks"] = [len(blocks) for blocks in numbers]
    backbone = zs3_backbone(sizes)
    stride = 1 if meta["output_stride"] == 16 else 2
    classes, dim = state["decoder.pred_conv.weight"].shape[:2]
    head = ASPPDecoder(
        in_channels={name: spec.channels for name, spec in backbone.output_shape().items()},
        aspp_dim=state["aspp.conv1.weight"].shape[0],
        low_level_dim=state["decoder.conv1.weight"].shape[0],
        mask_dim=dim,
        dilations=[stride * dilation for dilation in (6, 12, 18)],
        **options,
    )
    model = nn.ModuleDict(
        {
            "backbone": backbone,
            "grouping": PixelGrid(pixel_decoder=head),
            "naming": Linear(in_dim=dim, num_classes=classes, with_void=False),
        }
    )
    model.load_state_dict(zs3net_keys.convert(state))
    return model


@torch.no_grad()
def zs3_deeplab(case: Case) -> None:
    model, image = zs3net(case.meta, case.state).eval(), case.inputs["image"]
    maps = model["backbone"](image)
    first: list[Tensor] = []
    refine = model["grouping"].pixel_decoder.refine[0]
    refine.register_forward_hook(lambda module, given, made: first.append(made.relu()))
    (regions,) = model["grouping"](maps)
    logits = model["naming"](regions, torch.zeros(case.meta["num_classes"], 1, 1))
    classes = case.meta["num_classes"]
    vocabulary = Vocabulary.of([str(k) for k in range(classes)])
    images = ImageBatch(tuple(image))
    scene = Scene(images, {}, regions, (vocabulary,), torch.tensor([vocabulary.is_seen]))
    readout = PixelReadout(enlargement="by_corners")
    prepared = readout.prepare(scene, [logits])
    read = [readout.read(prepared, i, images.sizes[i]) for i in range(len(image))]
    full = F.interpolate(
        regions.paint(logits), image.shape[2:], mode="bilinear", align_corners=True
    )
    pixels = regions.paint(regions.embeddings)
    check_all(
        case,
        {
            "backbone": maps["res5"],
            "low_level": maps["res2"],
            "aspp": model["grouping"].pixel_decoder.looks(maps["res5"]),
            "feature": pixels,
            "before_last_conv": first[0],
            "class_map": regions.paint(logits),
            "logits_stride3": full[..., ::3, ::3],
            "pred_stride2": torch.stack([r.labels(3) for r in read])[:, ::2, ::2],
            "pred_unseen_only_stride2": classes
            - 2
            + torch.stack([r.scores()[-2:].argmax(0) for r in read])[:, ::2, ::2],
        },
    )


def zs3_gmmn(case: Case) -> None:
    meta = case.meta
    generator = gmmn(meta, meta["hidden_size"], meta.get("semantic_reconstruction", False)).eval()
    state = part(zs3net_keys.convert_generators(case.state), "criterion.generator.")
    generator.load_state_dict(state)
    feature = generator(case.inputs["emb"], case.inputs["noise"])
    got = {"feature": feature}
    if generator.reconstruction is not None:
        got["semantic"] = generator.reconstruction(feature)
    check_all(case, got)


def gmmn(meta: dict[str, Any], hidden: int | None, reconstructs: bool = False) -> Generator:
    return Generator(
        text_dim=meta["embed_dim"],
        noise_dim=meta["noise_dim"],
        feature_dim=meta["feature_dim"],
        hidden=[hidden] if hidden else [],
        dropout=[0.5] if hidden else [],
        bounded=False,
        init=xavier,
        reconstructs=reconstructs,
    )


def zs3_graph_context(case: Case) -> None:
    meta, inputs = case.meta, case.inputs
    graph = region_graph(inputs["segmap"].numpy())
    first = torch.from_numpy(graph.first)
    generator = GraphGenerator(
        text_dim=meta["embed_dim"],
        noise_dim=meta["noise_dim"],
        feature_dim=meta["feature_dim"],
        hidden=meta["hidden"],
    ).eval()
    state = zs3net_keys.convert_generators(case.state)
    generator.load_state_dict(part(state, "criterion.graph_generator."))
    nodes = {
        name: inputs[f"{source}map"].flatten(1).T[first]
        for name, source in (("node_embedding", "embedding"), ("node_feature", "feat"))
    }
    adjacency = torch.from_numpy(graph.adjacency)
    noise = inputs["noise"][: len(first)]
    check_all(
        case,
        {
            **nodes,
            "adjacency": adjacency,
            "cluster_map": torch.from_numpy(graph.regions),
            "cluster_label": inputs["segmap"].flatten()[first],
            "gcn_out": generator(nodes["node_embedding"], noise, adjacency),
        },
    )


KINDS: dict[str, Callable[[Case], None]] = {
    "spnet_infer": spnet_infer,
    "spnet_train_step": spnet_train_step,
    "cagnet_backbone_eval": cagnet_backbone_eval,
    "cagnet_backbone_train": cagnet_backbone_train,
    "cagnet_generator": cagnet_generator,
    "cagnet_discriminator": cagnet_discriminator,
    "cagnetv2_discriminator_ps3": cagnet_discriminator,
    "cagnetv2_pixelcnn": cagnetv2_pixelcnn,
    "cagnetv2_block_sampler": cagnetv2_block_sampler,
    "zs3_deeplab": zs3_deeplab,
    "zs3_gmmn": zs3_gmmn,
    "zs3_graph_context": zs3_graph_context,
}
