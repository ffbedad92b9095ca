#!/usr/bin/env python
"""
Trains the tiny CLIP of the Shapes benchmark and writes it as an open_clip directory.

The pairs are drawn on the fly (zs3/data/shapes_captions.py). All 36 class names occur in captions,
seen and unseen, as they do in the web text a real CLIP has read; no mask is ever a target. The loss
is InfoNCE in which pairs that name the same classes are positives of each other.

    python datasets/prepare/shapes_clip.py                 # 2000 steps of 250 pairs, 20 minutes on
    two cores
    python datasets/prepare/shapes_clip.py --evaluate      # zero-shot accuracy of what is in
    --output
"""

from __future__ import annotations

import argparse
import gzip
import itertools
import json
import math
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault(
    "OMP_WAIT_POLICY", "PASSIVE"
)  # waiting threads must not starve the process that draws

import cv2
import numpy as np
import open_clip
import torch
import torch.nn.functional as F
from open_clip.tokenizer import bytes_to_unicode
from safetensors.torch import save as to_bytes
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

import zs3
from zs3.backbone import ClipVisual
from zs3.grouping.position import sine_position
from zs3.data.shapes import NAMES, STUFF, draw_scene
from zs3.data.shapes_captions import (
    PREPOSITIONS,
    STUFF_TEMPLATES,
    THING_TEMPLATES,
    Pair,
    cut_out,
    draw_described_pairs,
    draw_pairs,
)
from zs3.files import write_atomically

ASSETS = Path(zs3.__file__).parent / "assets"
MERGES = "bpe_merges.txt.gz"


@dataclass(frozen=True)
class Recipe:
    """
    Attributes:
        folder: in zs3/assets, where it is shipped.
        vision, context_length: of the model; its text tower is the same in all.
        draw: (seed, index of a scene) -> pairs.
        scenes, steps, lr: a step's scenes, the number of steps, and the peak learning rate.
    """

    folder: str
    vision: dict[str, int]
    context_length: int
    draw: Callable[[int, int], list[Pair]]
    scenes: int
    steps: int
    lr: float


RECIPES = {
    "crops": Recipe(
        "shapes_clip",
        {"image_size": 48, "patch_size": 8, "width": 128, "layers": 4, "head_width": 32},
        context_length=28,
        draw=draw_pairs,
        scenes=50,
        steps=2000,
        lr=2e-3,
    ),
    "dense": Recipe(
        "shapes_clip_dense",
        {"image_size": 96, "patch_size": 8, "width": 128, "layers": 4, "head_width": 32},
        context_length=36,
        draw=draw_described_pairs,
        scenes=16,
        steps=2400,
        lr=1.5e-3,
    ),
}
CLAIMING_PATCHES = 4
CLASS_TEMPLATES = ("a photo of a {}.", "a {}.", "the {}.", "a picture of a {}.")


def learn_merges(words: list[str]) -> list[tuple[str, str]]:
    """Byte-pair merges, most frequent first, until every word is one token."""
    to_symbol = bytes_to_unicode()
    symbols = {
        w: [*(to_symbol[b] for b in w.encode()[:-1]), to_symbol[w.encode()[-1]] + "</w>"]
        for w in words
    }
    merges = []
    while any(len(parts) > 1 for parts in symbols.values()):
        pairs = Counter(pair for parts in symbols.values() for pair in itertools.pairwise(parts))
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        for word, parts in symbols.items():
            joined: list[str] = []
            for part in parts:
                if joined and (joined[-1], part) == best:
                    joined[-1] += part
                else:
                    joined.append(part)
            symbols[word] = joined
    return merges


def write_tokenizer(path: Path) -> int:
    """Writes the merges of all words the captions use; returns the vocabulary size."""
    text = " ".join([*NAMES, *PREPOSITIONS, *THING_TEMPLATES, *STUFF_TEMPLATES, "and"])
    words = sorted(set(text.replace("{}", " ").replace(".", " ").split()))
    merges = learn_merges(words)
    # No newline at the end: open_clip would read it as one more merge.
    lines = "\n".join(["#version: shapes", *(" ".join(pair) for pair in merges)])
    path.write_bytes(gzip.compress(lines.encode(), mtime=0))
    return 512 + len(merges) + 2


@dataclass(frozen=True)
class Batch:
    """
    Attributes:
        images: (M, 3, S, S) uint8.
        captions: (M, L) token ids.
        names: (M, 36) bool, the classes that a caption names.
        is_complete: (M,) bool, it names every class that shows.
        phrases: (36, L) token ids, each class name alone in some template.
    """

    images: Tensor
    captions: Tensor
    names: Tensor
    is_complete: Tensor
    phrases: Tensor


class PairBatches(Dataset):
    """Item i is step i's batch."""

    def __init__(
        self,
        recipe: Recipe,
        tokenizer: open_clip.tokenizer.SimpleTokenizer,
        seed: int,
        steps: int,
    ) -> None:
        self.recipe, self.tokenizer, self.seed, self.steps = recipe, tokenizer, seed, steps

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, step: int) -> Batch:
        cv2.setNumThreads(1)
        count = self.recipe.scenes
        scenes = range(step * count, (step + 1) * count)
        pairs = [pair for i in scenes for pair in self.recipe.draw(self.seed, i)]
        rng = np.random.default_rng([self.seed, step])
        templates = [STUFF_TEMPLATES if name in STUFF else THING_TEMPLATES for name in NAMES]
        phrases = [
            str(rng.choice(own)).format(name) for own, name in zip(templates, NAMES, strict=True)
        ]
        return Batch(
            torch.from_numpy(np.stack([pair.image for pair in pairs])).permute(0, 3, 1, 2),
            self.tokenizer([pair.caption for pair in pairs]),
            torch.tensor([[name in pair.names for name in NAMES] for pair in pairs]),
            torch.tensor([pair.is_complete for pair in pairs]),
            self.tokenizer(phrases),
        )


def contrastive_loss(image: Tensor, text: Tensor, scale: Tensor, positive: Tensor) -> Tensor:
    """
    Symmetric InfoNCE over unit rows (M, D) whose targets are uniform over the positives (M, M) of
    each row.
    """
    logits = scale * image.float() @ text.float().T
    target = positive / positive.sum(1, keepdim=True)
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2


def phrase_loss(patches: Tensor, phrases: Tensor, scale: Tensor, named: Tensor) -> Tensor:
    """
    What a complete caption tells about the patches of its image, without telling where.

    Every patch says one of the phrases of its caption rather than another (MIL-NCE, arXiv
    1912.06430), and every phrase of a caption is said by a few patches.

    Args:
        patches: (M, P, D) unit rows. phrases: (K, D) unit rows.
        scale: of the cosines.
        named: (M, K) bool, the phrases that a caption consists of; each has one.
    """
    said = (scale * patches.float() @ phrases.float().T).log_softmax(-1)
    of_caption = said.masked_fill(~named[:, None], -torch.inf).logsumexp(-1)
    claims = said.topk(min(CLAIMING_PATCHES, said.shape[1]), dim=1).values.exp().mean(1)
    return -of_caption.mean() - claims[named].clamp(min=1e-6).log().mean()


def contrast(model: open_clip.CLIP, batch: Batch) -> Tensor:
    """The loss of a batch: images against captions, and patches against phrases."""
    tower = ClipVisual(visual=model.visual)
    with torch.autocast("cpu", torch.bfloat16):
        seen = tower.features(normalise(batch.images))
        text = model.encode_text(torch.cat([batch.captions, batch.phrases]), normalize=True)
    captions, phrases = text.split([len(batch.captions), len(batch.phrases)])
    scale = model.logit_scale.exp()
    alike = (batch.names[:, None] == batch.names).all(-1)
    loss = contrastive_loss(F.normalize(seen.summary, dim=-1), captions, scale, alike)
    if batch.is_complete.any():
        patches = F.normalize(seen.patches[batch.is_complete].flatten(2), dim=1).mT
        loss = loss + phrase_loss(patches, phrases, scale, batch.names[batch.is_complete])
    return loss


def normalise(images: Tensor) -> Tensor:
    mean = torch.tensor(open_clip.OPENAI_DATASET_MEAN).view(3, 1, 1)
    std = torch.tensor(open_clip.OPENAI_DATASET_STD).view(3, 1, 1)
    return (images / 255 - mean) / std


def build(recipe: Recipe, output: Path) -> tuple[open_clip.CLIP, open_clip.SimpleTokenizer]:
    """A model with random weights; its configuration and merges are written."""
    output.mkdir(parents=True, exist_ok=True)
    vocab_size = write_tokenizer(output / MERGES)
    text = {"context_length": recipe.context_length, "width": 128, "heads": 4, "layers": 2}
    config = {
        "embed_dim": 128,
        "vision_cfg": recipe.vision,
        "text_cfg": {**text, "vocab_size": vocab_size},
    }
    mean, std = open_clip.OPENAI_DATASET_MEAN, open_clip.OPENAI_DATASET_STD
    document = {"model_cfg": config, "preprocess_cfg": {"mean": mean, "std": std}}
    (output / "open_clip_config.json").write_text(json.dumps(document, indent=2) + "\n")
    tokenizer = open_clip.SimpleTokenizer(
        str(output / MERGES), context_length=recipe.context_length
    )
    return open_clip.CLIP(**config), tokenizer


def train(recipe: Recipe, output: Path, steps: int, seed: int) -> None:
    torch.manual_seed(seed)
    model, tokenizer = build(recipe, output)
    if os.environ.get("SINE"):
        positions = model.visual.positional_embedding
        code = sine_position(model.visual.grid_size, positions.shape[1], normalize=False, temperature=50)
        positions.data[1:] = 0.3 * code.flatten(1).T
    matrices = [p for p in model.parameters() if p.ndim >= 2]
    others = [p for p in model.parameters() if p.ndim < 2]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=recipe.lr, betas=(0.9, 0.98), eps=1e-6)

    def factor(step: int) -> float:
        decay = 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(step / steps, 1)))
        return min((step + 1) / 100, 1) * decay

    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
    batches = DataLoader(
        PairBatches(recipe, tokenizer, seed, steps),
        batch_size=None,
        num_workers=1,
        prefetch_factor=4,
    )
    progress = tqdm(batches, unit="step")
    for step, batch in enumerate(progress):
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
        if (step + 1) % 200 == 0 or step + 1 == steps:
            save(model, output)


def save(model: torch.nn.Module, output: Path) -> None:
    """Half-precision safetensors, replaced atomically."""
    state = {k: v.half().contiguous() for k, v in model.state_dict().items()}
    write_atomically(output / "open_clip_model.safetensors", to_bytes(state))


@torch.inference_mode()
def evaluate(output: Path, scenes: int = 300, seed: int = 77) -> dict[str, float]:
    """
    Zero-shot accuracy (%) on ground-truth segments of held-out scenes, cut out; all 36 classes
    compete.
    """
    model = open_clip.create_model(f"local-dir:{output}").eval()
    tokenizer = open_clip.SimpleTokenizer(str(output / MERGES), context_length=model.context_length)
    text = torch.stack(
        [
            model.encode_text(tokenizer([t.format(n) for t in CLASS_TEMPLATES]), normalize=True)
            for n in NAMES
        ]
    )
    text = F.normalize(text.mean(1), dim=-1)
    images, classes = [], []
    for i in tqdm(range(scenes), unit="scene"):
        scene = draw_scene(seed, i)
        for class_ in np.unique(scene.label):
            images.append(
                cut_out(scene.image, scene.label == class_, 1.1, 2, model.visual.image_size[0])
            )
            classes.append(class_)
    batch = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)
    parts = [model.encode_image(normalise(part), normalize=True) for part in batch.split(500)]
    correct = (
        (torch.cat(parts) @ text.T).argmax(1) == torch.tensor(classes, dtype=torch.long)
    ).numpy()
    is_stuff = np.array(classes) < len(STUFF)
    groups = {"all": slice(None), "things": ~is_stuff, "stuff": is_stuff}
    return {name: float(100 * correct[chosen].mean()) for name, chosen in groups.items()}


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
    for name, accuracy in evaluate(output).items():
        print(f"zero-shot accuracy, masked, {name}: {accuracy:.1f} %")


if __name__ == "__main__":
    main()
