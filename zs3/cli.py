"""The command `zs3`: a table of commands, each a file of zs3/commands."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module

from .nearest import did_you_mean
from .version import __version__

COMMANDS = {
    "train": "train and evaluate, or only evaluate (as train_net.py)",
    "convert": "write a checkpoint, ours or a published one, as a directory that zs3 loads",
    "refit": "teach a model that generates features other names, without images",
    "blocks": "make label blocks for CaGNetv2's synthetic batches",
    "datasets": "list the datasets there are, and which of them this machine has",
    "segment": "segment images by the names you type (as demo/demo.py)",
    "evaluate": "score the label PNGs of any system, under any protocol",
    "shape-analysis": "say for which classes the spectral prior helps, with a plot",
    "report": "write one HTML page about evaluations, side by side if several",
    "doctor": "say whether zs3 can work on this machine",
    "check-dataset": "count the classes of a dataset, and tell what is wrong with it",
    "profile": "count a model's parameters and multiply-adds, measure its speed and memory",
}


def main() -> int | None:
    """Runs a command, or lists them; returns its exit code."""
    width = max(map(len, COMMANDS))
    parser = argparse.ArgumentParser(
        prog="zs3",
        description="Zero-shot and open-vocabulary segmentation.",
        epilog="commands:\n"
        + "\n".join(f"  {name:{width}}  {what}" for name, what in COMMANDS.items())
        + "\n\n`zs3 COMMAND --help` teaches each of them.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"zs3 {__version__}")
    parser.add_argument("command", nargs="?", metavar="COMMAND", help="one of those below")
    command = parser.parse_args(sys.argv[1:2]).command
    if command is None:
        parser.print_help()
        return None
    if command not in COMMANDS:
        hint = did_you_mean(command, COMMANDS) or f" There are {', '.join(COMMANDS)}."
        parser.error(f"there is no command {command!r}.{hint}")
    # What argparse calls the program in its usage, and records of runs give as the command.
    sys.argv = [f"zs3 {command}", *sys.argv[2:]]
    module = import_module(f".commands.{command.replace('-', '_')}", __package__)
    code: int | None = module.main(sys.argv[1:])
    return code
