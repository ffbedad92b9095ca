#!/usr/bin/env python
"""Segments a folder of images by the names typed; `--help` teaches the arguments."""

from zs3.commands.segment import main

if __name__ == "__main__":
    raise SystemExit(main())
