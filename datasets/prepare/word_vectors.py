#!/usr/bin/env python
"""
Takes the word vectors of some datasets' names out of published files, which are large.

    python datasets/prepare/word_vectors.py --vectors crawl-300d-2M.vec \
        --datasets voc2012_val cocostuff_val --output fasttext.npz

writes a table that MODEL.TEXT.FILES reads as it reads the published file, only faster. SPNet and
CaGNet use fastText's crawl-300d-2M.vec and word2vec's GoogleNews-vectors-negative300.bin.gz, each
with --unit for VOC and COCO-Stuff; GloVe's text files are read as well. A name of several words is
the mean of these.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from zs3.commands.errors import say_errors
from zs3.data import register_folder, vocabulary_of
from zs3.data.datasets import register_all
from zs3.files import write_atomically
from zs3.text import WordVectors
from zs3.vocabulary import Vocabulary


def row_names(vocabulary: Vocabulary, encoder: WordVectors) -> dict[str, str]:
    """
    What the table is to call its rows -> what the published file calls them.

    A class goes by its own name if it has one row, and by its synonyms if it has several.

    Raises:
        ValueError: a class that the file has no word for.
    """
    names: dict[str, str] = {}
    for name, words in zip(vocabulary.names, encoder.words(vocabulary), strict=True):
        names |= {name: words[0]} if len(words) == 1 else {word: word for word in words}
    (table,) = encoder.tables
    known = encoder.find(table, names.values())
    missing = [name for name, word in names.items() if word not in known]
    if missing:
        raise ValueError(
            f"{table.source} has no row for {missing}; say what it calls them, such as "
            f'--alias "{missing[0]}=WORDS".'
        )
    return names


def write_table(
    vectors: str, datasets: Sequence[str], output: Path, aliases: Mapping[str, str], unit: bool
) -> None:
    """
    Args:
        datasets: registered names, or files that describe datasets of your own.
        unit: scale every row to length 1.
    """
    register_all()
    encoder = WordVectors(files=[vectors], aliases=aliases.items())
    names: dict[str, str] = {}
    for dataset in datasets:
        is_file = dataset.endswith((".yaml", ".yml"))
        vocabulary = register_folder(dataset).vocabulary if is_file else vocabulary_of(dataset)
        names |= row_names(vocabulary, encoder)
    rows = encoder(list(names.values())).numpy()
    if unit:
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, vectors=rows, names=list(names))
    output.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(output, buffer.getvalue())
    print(f"wrote {len(rows)} vectors of {rows.shape[1]} numbers to {output}")


def read_aliases(given: Sequence[str]) -> dict[str, str]:
    """["tv=television"] -> {"tv": "television"}"""
    for alias in given:
        if "=" not in alias:
            raise ValueError(f"--alias {alias!r} is no pair, such as tvmonitor=television.")
    return {name: word for name, _, word in (alias.partition("=") for alias in given)}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--vectors", required=True, metavar="FILE", help="as MODEL.TEXT.FILES")
    parser.add_argument(
        "--datasets",
        required=True,
        nargs="+",
        metavar="NAME",
        help="as `zs3 datasets` lists them, or YAML files (docs/your-data.md)",
    )
    parser.add_argument("--output", required=True, type=Path, metavar="FILE.npz")
    parser.add_argument(
        "--alias",
        nargs="+",
        default=[],
        metavar="NAME=WORDS",
        help="what the file calls a name that it does not have",
    )
    parser.add_argument("--unit", action="store_true", help="scale every vector to length 1")
    args = parser.parse_args(arguments)
    say_errors(
        lambda: write_table(
            args.vectors, args.datasets, args.output, read_aliases(args.alias), args.unit
        )
    )


if __name__ == "__main__":
    main()
