"""Golden checks of the spectral prior: affinities, eigenvectors, DINO's features, masks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from golden import Case, check_all
from torch import Tensor

from zs3.backbone.vit import ViT, dino_bicubic
from zs3.spectral import SpectralGraph, binary_masks, enlarged
from zs3.spectral.colour import knn_affinity, rw_affinity
from zs3.spectral.dino import DinoKeys
from zs3.spectral.masks import border_shares


def color_affinity(case: Case) -> None:
    image = case.inputs["image"].numpy()
    got = {"knn": knn_affinity(image).toarray(), "rw": rw_affinity(image).toarray()}
    check_all(case, {name: torch.from_numpy(value) for name, value in got.items()})


def graph_of(options: dict[str, Any], count: int) -> SpectralGraph:
    matrix = options.get("which_matrix", "laplacian")
    return SpectralGraph(
        count=options.get("K", count),
        matrix={"matting_laplacian": "laplacian"}.get(matrix, matrix),
        normalize=options.get("normalize", True),
        threshold=options.get("threshold_at_zero", True),
        generalised=options.get("lapnorm", True),
        colour_weight=options.get("image_color_lambda", 0.0),
        colour=options.get("which_color_matrix", "knn"),
    )


def spectral_eigs(case: Case) -> None:
    hyper, patch = case.meta["hyper"], case.meta["hyper"]["patch_size"]
    rows, columns = hyper["H_patch"], hyper["W_patch"]
    features = case.inputs["features"].T.unflatten(1, (rows, columns))[None]
    images = [case.inputs["image"].numpy()]
    got: dict[str, Tensor] = {}
    for name, variant in hyper["variants"].items():
        options = variant["options"]
        factor = options.get("image_downsample_factor") or patch
        grid = (rows * patch // factor, columns * patch // factor)
        graph = graph_of(options, hyper["K"])
        values, vectors = graph.eigenvectors(features, images, grid)
        if graph.matrix == "affinity":  # published: values ascend although their vectors descend
            values = values.flip(-1)
        got[f"{name}/eigenvalues"], got[f"{name}/eigenvectors"] = values[0], vectors[0]
    rules = case.meta["check"]["outputs"]
    case.meta["check"]["outputs"] = {
        name: next((rule for part, rule in rules.items() if part in name), {}) for name in got
    }
    check_all(case, got)


@torch.no_grad()
def dino_features_to_masks(case: Case) -> None:
    hyper = case.meta["hyper"]
    patch = hyper["patch"]
    assert hyper["which_block"] == -1, "features are the last block's"
    vit = ViT(
        dim=hyper["embed_dim"],
        heads=hyper["heads"],
        patch=patch,
        depth=hyper["depth"],
        image_size=patch * hyper["pretrain_grid"],
        resize_positions=dino_bicubic,
    )
    keys = DinoKeys(vit).eval()
    keys.load(case.prefixed_state)
    image = case.inputs["image"]
    features = keys(image.permute(2, 0, 1)[None].float())
    grid = tuple(features.shape[-2:])
    graph = graph_of(hyper, hyper["K"])
    values, vectors = graph.eigenvectors(features, [image.numpy()])
    masks = binary_masks(vectors[0], grid)
    covered = (grid[0] * patch, grid[1] * patch)
    full = enlarged(vectors[0].unflatten(1, grid), covered, tuple(image.shape[:2]))
    for name in ("masks", "masks_fullres"):  # vector 0 is constant, of either sign
        own = masks if name == "masks" else full
        own[0] = case.outputs[name][0] > 0
    labels, shares = border_shares(masks[1].to(torch.uint8))
    got = {
        "k": features.flatten(2).mT,
        "eigenvalues": values[0],
        "eigenvectors": vectors[0],
        "masks": masks,
        "masks_fullres": 255 * full.to(torch.uint8),
        "single_region_png": 255 * masks[1].to(torch.uint8),
        "border_index": labels if case.outputs["border_index"].max() <= 1 else 255 * labels,
        "border_fraction": shares,
    }
    check_all(case, got)


KINDS: dict[str, Callable[[Case], None]] = {
    "color_affinity": color_affinity,
    "dino_features_to_masks": dino_features_to_masks,
    "spectral_eigs": spectral_eigs,
}
