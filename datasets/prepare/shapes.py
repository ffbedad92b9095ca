#!/usr/bin/env python
"""
Writes Shapes scenes as PNGs: images to segment, and a dataset of files to try your own data with.

    python datasets/prepare/shapes.py --output output/photos --count 12

makes output/photos/images, labels (with a palette) and photos.yaml, which describes them
(docs/your-data.md). The benchmark itself needs no files: its sets are registered by name.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import yaml
from PIL import Image
from tqdm import tqdm

from zs3.data.datasets.shapes import IGNORE_LABEL, SETS, ShapesSet, palette
from zs3.data.shapes import NAMES, UNSEEN_KINDS, draw_scene, unseen_names


def write_scenes(output: Path, chosen: ShapesSet, exclude: tuple[str, ...]) -> None:
    """Writes images/NUMBER.png and labels/NUMBER.png."""
    for folder in ("images", "labels"):
        (output / folder).mkdir(parents=True, exist_ok=True)
    colours = np.array(palette(), np.uint8).tobytes()
    for i in tqdm(range(chosen.count), unit="image"):
        scene = draw_scene(chosen.seed, i, exclude)
        Image.fromarray(scene.image).save(output / "images" / f"{i:05d}.png")
        label = Image.fromarray(scene.label)
        label.putpalette(colours)
        label.save(output / "labels" / f"{i:05d}.png")


def write_description(output: Path, split: str) -> Path:
    """Writes NAME.yaml, NAME being the folder's name; a fifth of the images is its val part."""
    description = {
        "names": list(NAMES),
        "unseen": list(unseen_names(split)),
        "ignore": IGNORE_LABEL,
        "split": {"images": "images", "labels": "labels", "val_percent": 20},
    }
    file = output / f"{output.resolve().name}.yaml"
    file.write_text(yaml.safe_dump(description, sort_keys=False, width=100), encoding="utf-8")
    return file


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, required=True, help="folder to write")
    parser.add_argument("--split", choices=sorted(UNSEEN_KINDS), default="mixed")
    parser.add_argument("--set", choices=sorted(SETS), default="test", help="default: %(default)s")
    parser.add_argument("--count", type=int, help="how many of the set's images; default: all")
    args = parser.parse_args()
    chosen = SETS[args.set]
    if args.count is not None:
        chosen = ShapesSet(chosen.seed, args.count, chosen.seen_only)
    exclude = unseen_names(args.split) if chosen.seen_only else ()
    write_scenes(args.output, chosen, exclude)
    print(
        f"wrote {args.output / 'images'}, labels and {write_description(args.output, args.split)}"
    )


if __name__ == "__main__":
    main()
