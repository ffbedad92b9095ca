"""The command `zs3`: a table of commands, each a file of zs3/commands."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module

COMMANDS = {
    "train": "train and evaluate, or only evaluate (as train_net.py)",
    "convert": "write a checkpoint, ours or a published one, as a directory that zs3 loads",
    "datasets": "list the datasets there are, and which of them this machine has",
    "segment": "segment images by the names you type (as demo/demo.py)",
    "shape-analysis": "say for which classes the spectral prior helps, with a plot",
    "report": "write one HTML page about evaluations, side by side if several",
    "doctor": "say whether zs3 can work on this machine",
}


def main() -> None:
    width = max(map(len, COMMANDS))
    parser = argparse.ArgumentParser(
        prog="zs3",
        description="Zero-shot and open-vocabulary segmentation.",
        epilog="commands:\n"
        + "\n".join(f"  {name:{width}}  {what}" for name, what in COMMANDS.items())
        + "\n\n`zs3 COMMAND --help` teaches each of them.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=COMMANDS, metavar="COMMAND", help="one of those below")
    command = parser.parse_args(sys.argv[1:2]).command
    sys.argv[0] = f"zs3 {command}"  # what argparse calls the program in its usage
    module = import_module(f".commands.{command.replace('-', '_')}", __package__)
    module.main(sys.argv[2:])
