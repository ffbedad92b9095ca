"""
`detectron2.engine`: what zs3 uses of it.

The command line, `default_setup` and `launch` are zs3's own on both runtimes: they know torchrun
and gloo, and leave the same files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .arguments import default_argument_parser
from .choice import RUNTIME
from .launch import launch
from .setup import default_setup

if TYPE_CHECKING or RUNTIME == "embedded":
    from .embedded.engine import HookBase, TrainerBase
else:
    from detectron2.engine import HookBase, TrainerBase

__all__ = ["HookBase", "TrainerBase", "default_argument_parser", "default_setup", "launch"]
