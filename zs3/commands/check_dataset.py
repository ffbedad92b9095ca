"""`zs3 check-dataset`: everything that is wrong with a dataset, before anything runs."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..runtime.arguments import positive
from .errors import say_errors

if TYPE_CHECKING:
    from ..data.check import Finding, Part
    from ..runtime.config import CfgNode
    from ..vocabulary import Vocabulary

EPILOG = """
examples:
  a description of your own data (docs/your-data.md):
      zs3 check-dataset streets.yaml
  all datasets of a configuration, and whether its text encoder knows their names:
      zs3 check-dataset --config-file streets_spnet.yaml
  a dataset by name, and a report for programs:
      zs3 check-dataset shapes_mixed_test --json report.json

The exit code is 1 if there is an error, 2 if the command line is wrong, else 0.
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Reads all images and labels of datasets, counts the classes, and tells what is wrong."""
    parser = argparse.ArgumentParser(
        description=main.__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "datasets",
        nargs="*",
        metavar="FILE|NAME",
        help="YAML files that describe datasets, or names of registered ones; default: those of "
        "DATASETS.TRAIN and DATASETS.TEST",
    )
    parser.add_argument(
        "--config-file", metavar="FILE", help="configuration, for its datasets and text encoder"
    )
    parser.add_argument(
        "--jobs",
        type=positive,
        default=os.cpu_count() or 1,
        metavar="N",
        help="processes that read; default: one a CPU, here %(default)s",
    )
    parser.add_argument("--json", metavar="OUT", help="write everything there as well")
    parser.add_argument(
        "--opts",
        nargs=argparse.REMAINDER,
        default=[],
        metavar="KEY VALUE",
        help="configuration overrides",
    )
    args = parser.parse_args(arguments)
    if not args.datasets and not args.config_file:
        parser.error("there is nothing to check; give FILE, NAME or --config-file")
    say_errors(lambda: _check(args))


def _check(args: argparse.Namespace) -> None:
    from rich.console import Console

    from ..config import get_config
    from ..data import register_datasets
    from ..data.check import ERROR, check_parts
    from ..data.check_report import check_json, print_check
    from ..files import ready_to_write, write_atomically

    ready_to_write(args.json)
    cfg = get_config(args.config_file, args.opts)
    register_datasets(cfg)
    counts = check_parts(_parts(args.datasets, cfg), args.jobs)
    findings = [finding for count in counts for finding in count.findings]
    if args.config_file:
        findings += _text_findings(cfg, [count.part.vocabulary for count in counts])
    if args.json:
        write_atomically(args.json, check_json(counts, findings).encode())
    print_check(counts, findings, Console())
    if any(finding.level == ERROR for finding in findings):
        raise SystemExit(1)


def _parts(datasets: Sequence[str], cfg: CfgNode) -> list[Part]:
    from ..data.check import part_of_name, parts_of_description
    from ..data.description import read_description

    parts: list[Part] = []
    for given in datasets or dict.fromkeys((*cfg.DATASETS.TRAIN, *cfg.DATASETS.TEST)):
        if Path(given).suffix in (".yaml", ".yml"):
            parts += parts_of_description(read_description(given))
        else:
            is_configured = given in (*cfg.DATASETS.TRAIN, *cfg.DATASETS.TEST)
            roles = cfg.DATASETS.TRAIN if is_configured else given.split("_")
            parts.append(part_of_name(given, (given if is_configured else "train") in roles))
    return parts


def _text_findings(cfg: CfgNode, vocabularies: Iterable[Vocabulary]) -> list[Finding]:
    """What the configuration's text encoder says to the names."""
    from .. import segmentor  # noqa: F401, registers what configurations name
    from ..data.check import ERROR, Finding
    from ..text import build_text_bank
    from ..text.refusals import refused_names

    where = cfg.MODEL.TEXT.ENCODER
    try:
        bank = build_text_bank(cfg)
    except (OSError, ValueError) as error:
        return [Finding(ERROR, where, "the text encoder cannot be had", str(error))]
    refused: dict[str, str] = {}
    for vocabulary in dict.fromkeys(vocabularies):
        refused |= refused_names(bank, vocabulary)
    kind = "names that the text encoder does not take"
    return [Finding(ERROR, where, kind, f"{name}: {why}") for name, why in refused.items()]
