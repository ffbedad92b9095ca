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
from zs3.data.shapes import NAMES, STUFF, draw_scene
from zs3.data.shapes_captions import (
    PREPOSITIONS,
    STUFF_TEMPLATES,
    THING_TEMPLATES,
    cut_out,
    draw_pairs,
)
from zs3.files import write_atomically

DEFAULT_OUTPUT = Path(zs3.__file__).parent / "assets" / "shapes_clip"
MERGES = "bpe_merges.txt.gz"
MODEL = {
    "embed_dim": 128,
    "vision_cfg": {"image_size": 48, "patch_size": 8, "width": 128, "layers": 4, "head_width": 32},
    "text_cfg": {"context_length": 28, "width": 128, "heads": 4, "layers": 2},
}
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


class PairBatches(Dataset):
    """
    Item i is step i's batch: uint8 images, token ids, and which pairs are positives of each other.
    """

    def __init__(
        self, tokenizer: open_clip.tokenizer.SimpleTokenizer, seed: int, steps: int, scenes: int
    ) -> None:
        self.tokenizer, self.seed, self.steps, self.scenes = tokenizer, seed, steps, scenes

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, step: int) -> tuple[Tensor, Tensor, Tensor]:
        cv2.setNumThreads(1)
        scenes = range(step * self.scenes, (step + 1) * self.scenes)
        pairs = [pair for i in scenes for pair in draw_pairs(self.seed, i)]
        images = torch.from_numpy(np.stack([pair.image for pair in pairs])).permute(0, 3, 1, 2)
        ids = {names: i for i, names in enumerate({pair.names for pair in pairs})}
        groups = torch.tensor([ids[pair.names] for pair in pairs])
        return images, self.tokenizer([pair.caption for pair in pairs]), groups[:, None] == groups


def contrastive_loss(image: Tensor, text: Tensor, scale: Tensor, positive: Tensor) -> Tensor:
    """
    Symmetric InfoNCE over unit rows (M, D) whose targets are uniform over the positives (M, M) of
    each row.
    """
    logits = scale * image.float() @ text.float().T
    target = positive / positive.sum(1, keepdim=True)
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2


def normalise(images: Tensor) -> Tensor:
    mean = torch.tensor(open_clip.OPENAI_DATASET_MEAN).view(3, 1, 1)
    std = torch.tensor(open_clip.OPENAI_DATASET_STD).view(3, 1, 1)
    return (images / 255 - mean) / std


def train(output: Path, steps: int, scenes: int, seed: int, lr: float) -> None:
    torch.manual_seed(seed)
    output.mkdir(parents=True, exist_ok=True)
    vocab_size = write_tokenizer(output / MERGES)
    config = {**MODEL, "text_cfg": {**MODEL["text_cfg"], "vocab_size": vocab_size}}
    mean, std = open_clip.OPENAI_DATASET_MEAN, open_clip.OPENAI_DATASET_STD
    document = {"model_cfg": config, "preprocess_cfg": {"mean": mean, "std": std}}
    (output / "open_clip_config.json").write_text(json.dumps(document, indent=2) + "\n")
    model = open_clip.CLIP(**config)
    tokenizer = open_clip.SimpleTokenizer(
        str(output / MERGES), context_length=config["text_cfg"]["context_length"]
    )

    matrices = [p for p in model.parameters() if p.ndim >= 2]
    others = [p for p in model.parameters() if p.ndim < 2]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=lr, betas=(0.9, 0.98), eps=1e-6)

    def factor(step: int) -> float:
        decay = 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(step / steps, 1)))
        return min((step + 1) / 100, 1) * decay

    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
    batches = DataLoader(
        PairBatches(tokenizer, seed, steps, scenes),
        batch_size=None,
        num_workers=1,
        prefetch_factor=4,
    )
    progress = tqdm(batches, unit="step")
    for step, (images, tokens, positive) in enumerate(progress):
        with torch.autocast("cpu", torch.bfloat16):
            image = model.encode_image(normalise(images), normalize=True)
            text = model.encode_text(tokens, normalize=True)
        loss = contrastive_loss(image, text, model.logit_scale.exp(), positive)
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
        if (step + 1) % 250 == 0 or step + 1 == steps:
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
        "--output",
        type=Path,
        default=DEFAULT_OUTPUT,
        help="directory to write (default: %(default)s)",
    )
    parser.add_argument("--steps", type=int, default=2000, help="default: %(default)s")
    parser.add_argument(
        "--scenes",
        type=int,
        default=50,
        help="scenes a step, five pairs each (default: %(default)s)",
    )
    parser.add_argument(
        "--lr", type=float, default=2e-3, help="peak learning rate (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--evaluate", action="store_true", help="only measure zero-shot accuracy")
    args = parser.parse_args()
    if not args.evaluate:
        train(args.output, args.steps, args.scenes, args.seed, args.lr)
    for name, accuracy in evaluate(args.output).items():
        print(f"zero-shot accuracy, masked, {name}: {accuracy:.1f} %")


if __name__ == "__main__":
    main()
