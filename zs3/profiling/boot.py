"""
Starts a process that measures. To be run as a script: `boot.py TREE WORKLOAD`.

The `zs3` of TREE is what is measured, by the `zs3.profiling` that lies beside this file: so
revisions from before that package can be measured, too, and all by the same code.
"""

from __future__ import annotations

import importlib.util
import sys
from importlib import import_module
from pathlib import Path


def main() -> None:
    sys.path[0] = sys.argv[1]  # instead of this folder
    import_module("zs3")
    place = Path(__file__).with_name("__init__.py")
    spec = importlib.util.spec_from_file_location("zs3.profiling", place)
    assert spec and spec.loader
    package = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = package
    spec.loader.exec_module(package)
    import_module("zs3.profiling.worker").main(sys.argv[2])


if __name__ == "__main__":
    main()
