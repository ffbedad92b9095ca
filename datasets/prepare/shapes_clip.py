#!/usr/bin/env python
"""
Trains a tiny CLIP of the Shapes benchmark and writes it as an open_clip directory.

The pairs are drawn on the fly (zs3/data/shapes_captions.py). All 36 class names occur in captions,
seen and unseen, as they do in the web text a real CLIP has read; no mask is ever a target. The loss
is InfoNCE in which pairs that name the same classes are positives of each other. The recipe "dense"
trains the CLIP of the first on: it shows whole scenes with captions of windows that name all that
shows there, and adds what such a caption tells about the patches it is about (`phrase_loss`).

    python datasets/prepare/shapes_clip.py                 # "crops": 2000 steps of 250 pairs, 20
    minutes on two cores
    python datasets/prepare/shapes_clip.py --recipe dense  # 4000 steps of 72 pairs,
    half an hour of one thread
    python datasets/prepare/shapes_clip.py --evaluate      # zero-shot accuracy of what is in
    --output
"""

from __future__ import annotations

import argparse
import json
import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

os.environ.setdefault(
    "OMP_WAIT_POLICY", "PASSIVE"
)  # waiting threads must not starve the process that draws

import numpy as np
import open_clip
import torch
import torch.nn.functional as F
from safetensors.torch import save as to_bytes
from torch import Tensor
from torch.utils.data import DataLoader, Subset
from tqdm import tqdm

import zs3
from zs3.backbone import ClipVisual
from zs3.data.datasets.shapes import SETS, draw_scenes
from zs3.data.shapes import NAMES, STUFF, UNSEEN_KINDS, draw_scene, unseen_names
from zs3.data.shapes_batches import Batch, PairBatches, as_images
from zs3.data.shapes_captions import (
    PREPOSITIONS,
    STUFF_TEMPLATES,
    THING_TEMPLATES,
    Pair,
    cut_out,
    draw_described_pairs,
    draw_pairs,
)
from zs3.evaluation.confusion import confusion_matrix, summary
from zs3.files import write_atomically
from zs3.naming.text_space import class_matrix
from zs3.text import OpenClipText, TextBank, load_clip
from zs3.text.clip import Tokenizer
from zs3.text.merges import write_merges
from zs3.vocabulary import Vocabulary

ASSETS = Path(zs3.__file__).parent / "assets"
MERGES = "bpe_merges.txt.gz"


MODEL = {
    "embed_dim": 128,
    "vision_cfg": {"image_size": 48, "patch_size": 8, "width": 128, "layers": 4, "head_width": 32},
    "text_cfg": {"context_length": 28, "width": 128, "heads": 4, "layers": 2},
}


@dataclass(frozen=True)
class Recipe:
    """
    Attributes:
        folder: in zs3/assets, where it is shipped.
        start: folder of the CLIP that is trained on; "" for random weights.
        draw: (seed, index of a scene) -> pairs.
        scenes, steps, lr: a step's scenes, the number of steps, and the peak learning rate.
    """

    folder: str
    start: str
    draw: Callable[[int, int], list[Pair]]
    scenes: int
    steps: int
    lr: float


RECIPES = {
    "crops": Recipe("shapes_clip", "", draw_pairs, scenes=50, steps=2000, lr=2e-3),
    "dense": Recipe(
        "shapes_clip_dense", "shapes_clip", draw_described_pairs, scenes=24, steps=4000, lr=1.5e-3
    ),
}
CLAIMING_PATCHES = 3
CHECKPOINT_PERIOD = 100


def caption_words() -> list[str]:
    """All words that captions use."""
    text = " ".join([*NAMES, *PREPOSITIONS, *THING_TEMPLATES, *STUFF_TEMPLATES, "and"])
    return sorted(set(text.replace("{}", " ").replace(".", " ").split()))


def contrastive_loss(image: Tensor, text: Tensor, scale: Tensor, positive: Tensor) -> Tensor:
    """
    Symmetric InfoNCE over unit rows (M, D) whose targets are uniform over the positives (M, M) of
    each row.
    """
    logits = scale * image.float() @ text.float().T
    target = positive / positive.sum(1, keepdim=True)
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2


def phrase_loss(
    patches: Tensor, phrases: Tensor, scale: Tensor, inside: Tensor, named: Tensor
) -> Tensor:
    """
    What a complete caption tells about the patches it is about, without telling which.

    Every patch says one of the phrases of its caption rather than another (MIL-NCE, arXiv
    1912.06430), and every phrase of a caption is said by a few patches.

    Args:
        patches: (R, P, D) unit rows. phrases: (K, D) unit rows.
        scale: of the cosines.
        inside: (R, P) bool, the patches that a caption is about; each is about some.
        named: (R, K) bool, the phrases that it consists of; each has one.
    """
    said = (scale * patches.float() @ phrases.float().T).log_softmax(-1)
    of_caption = said.masked_fill(~named[:, None], -torch.inf).logsumexp(-1)
    right = (of_caption * inside).sum(1) / inside.sum(1)
    heard = said.exp() * inside[..., None]
    claims = heard.topk(CLAIMING_PATCHES, dim=1).values.mean(1)
    return -right.mean() - claims[named].clamp(min=1e-6).log().mean()


def contrast(model: open_clip.CLIP, batch: Batch) -> Tensor:
    """The loss of a batch: images against captions, and patches against phrases."""
    tower = ClipVisual(visual=model.visual)
    with torch.autocast("cpu", torch.bfloat16):
        features = [tower.features(normalise(photos.images)) for photos in batch.photos]
        text = model.encode_text(torch.cat([batch.captions, batch.phrases]), normalize=True)
    captions, phrases = text.split([len(batch.captions), len(batch.phrases)])
    scale = model.logit_scale.exp()
    summaries = F.normalize(torch.cat([each.summary for each in features]), dim=-1)
    alike = (batch.names[:, None] == batch.names).all(-1)
    loss = contrastive_loss(summaries, captions, scale, alike)
    parts = sum(len(photos.owner) for photos in batch.photos)
    for photos, each in zip(batch.photos, features, strict=True):
        if len(photos.owner):
            patches = F.normalize(each.patches.flatten(2), dim=1).mT[photos.owner]
            share = len(photos.owner) / parts
            loss = loss + share * phrase_loss(patches, phrases, scale, photos.inside, photos.named)
    return loss


def normalise(images: Tensor) -> Tensor:
    mean = torch.tensor(open_clip.OPENAI_DATASET_MEAN).view(3, 1, 1)
    std = torch.tensor(open_clip.OPENAI_DATASET_STD).view(3, 1, 1)
    return (images / 255 - mean) / std


def build(recipe: Recipe, output: Path) -> tuple[open_clip.CLIP, open_clip.SimpleTokenizer]:
    """A model as training starts from it; its configuration and merges are written."""
    output.mkdir(parents=True, exist_ok=True)
    vocab_size = write_merges(output / MERGES, caption_words())
    config = {**MODEL, "text_cfg": {**MODEL["text_cfg"], "vocab_size": vocab_size}}
    mean, std = open_clip.OPENAI_DATASET_MEAN, open_clip.OPENAI_DATASET_STD
    document = {"model_cfg": config, "preprocess_cfg": {"mean": mean, "std": std}}
    (output / "open_clip_config.json").write_text(json.dumps(document, indent=2) + "\n")
    model = open_clip.CLIP(**config)
    if recipe.start:
        model.load_state_dict(load_clip(recipe.start)[0].state_dict())
    length = config["text_cfg"]["context_length"]
    return model, open_clip.SimpleTokenizer(str(output / MERGES), context_length=length)


def batches_of(recipe: Recipe, tokenizer: Tokenizer, seed: int, steps: int) -> PairBatches:
    return PairBatches(
        recipe.draw,
        recipe.scenes,
        tokenizer,
        patch=MODEL["vision_cfg"]["patch_size"],
        seed=seed,
        steps=steps,
    )


def train(recipe: Recipe, output: Path, steps: int, seed: int) -> None:
    """Goes on after the last checkpoint if `output` has one."""
    torch.manual_seed(seed)
    model, tokenizer = build(recipe, output)
    matrices = [p for p in model.parameters() if p.ndim >= 2]
    others = [p for p in model.parameters() if p.ndim < 2]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=recipe.lr, betas=(0.9, 0.98), eps=1e-6)

    def factor(step: int) -> float:
        decay = 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(step / steps, 1)))
        return min((step + 1) / 100, 1) * decay

    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
    parts = {"model": model, "optimizer": optimizer, "schedule": schedule}
    checkpoint, done = output / "training.pt", 0
    if checkpoint.exists():
        states = torch.load(checkpoint, weights_only=True)
        done = states["done"]
        for name, part in parts.items():
            part.load_state_dict(states[name])
    batches = DataLoader(
        Subset(batches_of(recipe, tokenizer, seed, steps), range(done, steps)),
        batch_size=None,
        num_workers=1,
        prefetch_factor=4,
    )
    progress = tqdm(batches, unit="step", initial=done, total=steps)
    for step, batch in enumerate(progress, start=done):
        loss = contrast(model, batch)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        with torch.no_grad():
            model.logit_scale.clamp_(max=math.log(100))
        if step % 20 == 0:
            progress.set_postfix(
                loss=f"{loss.item():.3f}", scale=f"{model.logit_scale.exp().item():.1f}"
            )
        if (step + 1) % CHECKPOINT_PERIOD == 0:
            save(model, output)
            states = {name: part.state_dict() for name, part in parts.items()}
            write_atomically(checkpoint, partial(torch.save, {"done": step + 1, **states}))
    save(model, output)
    checkpoint.unlink(missing_ok=True)


def save(model: torch.nn.Module, output: Path) -> None:
    """Half-precision safetensors, replaced atomically."""
    state = {k: v.half().contiguous() for k, v in model.state_dict().items()}
    write_atomically(output / "open_clip_model.safetensors", to_bytes(state))


@torch.inference_mode()
def class_text(model: open_clip.CLIP, tokenizer: Tokenizer) -> Tensor:
    """(36, 128) unit rows, the mean over templates."""
    bank = TextBank(OpenClipText(model=model, tokenizer=tokenizer), templates="shapes")
    return class_matrix(bank([Vocabulary(NAMES)]), bank.dim)


@torch.inference_mode()
def masked_accuracy(
    model: open_clip.CLIP, text: Tensor, scenes: int = 300, seed: int = 77
) -> dict[str, float]:
    """
    Zero-shot accuracy (%) on ground-truth segments of held-out scenes, cut out; all 36 classes
    compete.
    """
    images, classes = [], []
    for i in tqdm(range(scenes), unit="scene"):
        scene = draw_scene(seed, i)
        for class_ in np.unique(scene.label):
            images.append(
                cut_out(scene.image, scene.label == class_, 1.1, 2, model.visual.image_size[0])
            )
            classes.append(class_)
    batch = as_images(np.stack(images))
    parts = [model.encode_image(normalise(part), normalize=True) for part in batch.split(100)]
    correct = (
        (torch.cat(parts) @ text.T).argmax(1) == torch.tensor(classes, dtype=torch.long)
    ).numpy()
    is_stuff = np.array(classes) < len(STUFF)
    groups = {"all": slice(None), "things": ~is_stuff, "stuff": is_stuff}
    return {name: float(100 * correct[chosen].mean()) for name, chosen in groups.items()}


@torch.inference_mode()
def patch_scores(
    model: open_clip.CLIP, text: Tensor, dense: str = "tokens", split: str = "mixed"
) -> dict[str, float]:
    """
    Scores (%) on the images of shapes_mixed_test, segmented by nothing but the cosines of patches
    and names.

    Args:
        dense: how patches get their vectors, see `ClipVisual`.
    """
    tower = ClipVisual(visual=model.visual, dense=dense)
    images, truth = draw_scenes(SETS["test"].seed, SETS["test"].count, ())
    confusion = np.zeros((len(NAMES), len(NAMES)), np.int64)
    for part, labels in zip(np.array_split(images, 10), np.array_split(truth, 10), strict=True):
        pixels = normalise(as_images(part))
        patches = F.normalize(tower.features(pixels).patches, dim=1)
        cosines = torch.einsum("bdhw,kd->bkhw", patches, text)
        scores = (model.logit_scale.exp() * cosines).softmax(1)
        full = F.interpolate(scores, labels.shape[1:], mode="bilinear", align_corners=False)
        confusion += confusion_matrix(labels, full.argmax(1).numpy(), len(NAMES))
    unseen = {kind: np.isin(NAMES, names) for kind, names in UNSEEN_KINDS[split].items()}
    return summary(confusion, ~np.isin(NAMES, unseen_names(split)), unseen)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--recipe", choices=sorted(RECIPES), default="crops", help="default: %(default)s"
    )
    parser.add_argument(
        "--output", type=Path, help="directory to write (default: the recipe's, in zs3/assets)"
    )
    parser.add_argument("--steps", type=int, help="default: the recipe's")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--evaluate", action="store_true", help="only measure zero-shot accuracy")
    args = parser.parse_args()
    recipe = RECIPES[args.recipe]
    output = args.output or ASSETS / recipe.folder
    if not args.evaluate:
        train(recipe, output, args.steps or recipe.steps, args.seed)
    model, tokenizer = load_clip(f"local-dir:{output}")
    text = class_text(model, tokenizer)
    for name, accuracy in masked_accuracy(model, text).items():
        print(f"zero-shot accuracy, masked, {name}: {accuracy:.1f} %")
    for dense in ("value", "tokens"):
        scores = patch_scores(model, text, dense)
        shown = [f"{name} {scores[name]:.1f}" for name in ("pAcc", "S-mIoU", "U-mIoU", "hIoU")]
        print(f"zero-shot segmentation by patches ({dense}): {', '.join(shown)}")


if __name__ == "__main__":
    main()
