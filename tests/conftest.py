"""What all tests share."""

from __future__ import annotations

import sys
from pathlib import Path

# Under any import mode.
sys.path.insert(0, str(Path(__file__).parent))
