"""`zs3 shape-analysis`: for which classes the spectral prior helps."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from .errors import say_errors

EPILOG = """
examples:
  zs3 shape-analysis output/shapes/sazs/inference/shapes_mixed_test \\
      output/shapes/sazs_spectral/inference/shapes_mixed_test \\
      --config-file configs/shapes/sazs.yaml --output analysis
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Compares two evaluations, without and with the prior, class by class: the gain in IoU against
    the compactness of the masks and the locality of the names. Writes a table and a plot."""
    parser = argparse.ArgumentParser(
        description=main.__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("without", metavar="WITHOUT", help="evaluation without the prior")
    parser.add_argument("with_prior", metavar="WITH", help="evaluation with it, of the same set")
    parser.add_argument(
        "--config-file", required=True, metavar="FILE", help="for the dataset and the text encoder"
    )
    parser.add_argument(
        "--output", type=Path, default=Path("shape_analysis"), metavar="PATH", help="PATH.csv, .png"
    )
    parser.add_argument(
        "--opts",
        nargs=argparse.REMAINDER,
        default=[],
        metavar="KEY VALUE",
        help="configuration overrides",
    )
    args = parser.parse_args(arguments)
    say_errors(lambda: _analyse(args))


def _analyse(args: argparse.Namespace) -> None:
    from tqdm import tqdm

    from ..config import get_config
    from ..data import load_dataset, register_datasets, vocabulary_of
    from ..data.mapper import SampleReader
    from ..evaluation import shape_analysis as analysis
    from ..text import build_text_bank

    without, with_prior = map(analysis.iou_by_name, (args.without, args.with_prior))
    if without.keys() != with_prior.keys():
        raise ValueError(f"{args.without} and {args.with_prior} are about different classes.")
    cfg = get_config(args.config_file, args.opts)
    register_datasets(cfg)
    if not cfg.DATASETS.TEST:
        raise ValueError("DATASETS.TEST is empty; name the set that was evaluated.")
    name = cfg.DATASETS.TEST[0]
    vocabulary, reader = vocabulary_of(name), SampleReader.of_dataset(name)
    if set(vocabulary.names) != without.keys():
        raise ValueError(f"{args.without} is not about the classes of {name}.")
    compactness = analysis.Compactness(len(vocabulary))
    for sample in tqdm(load_dataset(name), "masks", unit="image"):
        compactness.add(reader(sample)[1])
    text = build_text_bank(cfg).eval()([vocabulary]).mean(1).detach().cpu().numpy()
    near = analysis.locality(text)
    shapes = [
        analysis.ClassShape(word, shape, cosine, with_prior[word] - without[word])
        for word, shape, cosine in zip(
            vocabulary.names, compactness.means().tolist(), near.tolist(), strict=True
        )
    ]
    analysis.write_analysis(shapes, args.output)
    for measure in analysis.MEASURES:
        print(
            f"Spearman's correlation of gain and {measure}: "
            f"{analysis.correlation(shapes, measure):.2f}"
        )
    print(f"the table and the plot are {args.output}.csv and {args.output}.png")
