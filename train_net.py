#!/usr/bin/env python
"""Trains and evaluates any configuration, with Detectron2's arguments; `--help` teaches them."""

from zs3.commands.train import main

if __name__ == "__main__":
    main()
