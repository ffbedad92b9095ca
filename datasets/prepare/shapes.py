#!/usr/bin/env python
"""
Writes Shapes scenes as PNGs: images to segment, and a dataset of files to try your own data with.

    python datasets/prepare/shapes.py --output output/photos --count 12

makes output/photos/images, labels (with a palette) and photos.yaml, which describes them
(docs/your-data.md). A folder that is there already is replaced if this script has written all of
it, and refused if anything in it has been added or changed. The benchmark itself needs no files:
its sets are registered by name.
"""

from __future__ import annotations

import argparse
import os
from hashlib import sha256
from pathlib import Path

import numpy as np
import yaml
from PIL import Image
from tqdm import tqdm

from zs3.commands.errors import say_errors
from zs3.data.datasets.shapes import IGNORE_LABEL, SETS, ShapesSet, palette
from zs3.data.shapes import NAMES, UNSEEN_KINDS, draw_scene, unseen_names
from zs3.files import new_directory
from zs3.runtime.arguments import positive

_STAMP = b"# written by datasets/prepare/shapes.py; what it has not written has another digest: "


def write_dataset(output: Path, chosen: ShapesSet, split: str) -> Path:
    """
    Writes images/NUMBER.png, labels/NUMBER.png and NAME.yaml, NAME being the folder's name.

    Returns:
        Path: the description.

    Raises:
        FileExistsError: the folder holds what this has not written.
    """
    output = output.resolve()
    name = f"{output.name}.yaml"
    is_own = is_as_written(output, name)
    if output.is_dir() and any(output.iterdir()) and not is_own:
        raise FileExistsError(
            f"{output} holds files that this script has not written, or that have been changed "
            "since; choose another --output."
        )
    with new_directory(output, may_go=is_own) as folder:
        write_scenes(folder, chosen, unseen_names(split) if chosen.seen_only else ())
        body = description(split).encode()
        (folder / name).write_bytes(b"\n" + body)
        stamp = _STAMP + digest(folder, name).encode()
        (folder / name).write_bytes(stamp + b"\n" + body)
    return output / name


def is_as_written(folder: Path, name: str) -> bool:
    """Whether nothing in the folder is other than `write_dataset` left it."""
    if not (folder / name).is_file():
        return False
    stamp = (folder / name).read_bytes().partition(b"\n")[0]
    return stamp.startswith(_STAMP) and stamp == _STAMP + digest(folder, name).encode()


def digest(folder: Path, name: str) -> str:
    """Of all that is in the folder, but for the first line of the description `name`."""
    whole = sha256()
    for path in sorted(folder.rglob("*")):
        whole.update(os.fsencode(path.relative_to(folder)) + b"\0")
        if path.is_file():
            content = path.read_bytes()
            content = content.partition(b"\n")[2] if path.name == name else content
            whole.update(sha256(content).digest())
    return whole.hexdigest()[:16]


def write_scenes(output: Path, chosen: ShapesSet, exclude: tuple[str, ...]) -> None:
    """Writes images/NUMBER.png and labels/NUMBER.png."""
    for folder in ("images", "labels"):
        (output / folder).mkdir()
    colours = np.array(palette(), np.uint8).tobytes()
    for i in tqdm(range(chosen.count), unit="image"):
        scene = draw_scene(chosen.seed, i, exclude)
        Image.fromarray(scene.image).save(output / "images" / f"{i:05d}.png")
        label = Image.fromarray(scene.label)
        label.putpalette(colours)
        label.save(output / "labels" / f"{i:05d}.png")


def description(split: str) -> str:
    """In YAML; a fifth of the images is the val part."""
    content = {
        "names": list(NAMES),
        "unseen": list(unseen_names(split)),
        "ignore": IGNORE_LABEL,
        "split": {"images": "images", "labels": "labels", "val_percent": 20},
    }
    return yaml.safe_dump(content, sort_keys=False, width=100)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, required=True, help="folder to write")
    parser.add_argument("--split", choices=sorted(UNSEEN_KINDS), default="mixed")
    parser.add_argument("--set", choices=sorted(SETS), default="test", help="default: %(default)s")
    parser.add_argument("--count", type=positive, help="how many of the set's images; default: all")
    args = parser.parse_args()
    chosen = SETS[args.set]
    if args.count is not None:
        chosen = ShapesSet(chosen.seed, args.count, chosen.seen_only)
    file = say_errors(lambda: write_dataset(args.output, chosen, args.split))
    print(f"wrote {args.output / 'images'}, labels and {args.output / file.name}")


if __name__ == "__main__":
    main()
