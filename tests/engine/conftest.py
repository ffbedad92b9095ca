"""What the engine's tests share."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import pytest

# Under any import mode.
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(autouse=True)
def audible(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run's set-up keeps messages from the root logger, where caplog listens."""
    monkeypatch.setattr(logging.getLogger("zs3"), "propagate", True)
