"""Lets the golden tests import their own modules under any import mode."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
