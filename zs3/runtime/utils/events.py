"""`detectron2.utils.events`: what zs3 uses of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..choice import RUNTIME

if TYPE_CHECKING or RUNTIME == "embedded":
    from ..embedded.utils.events import (
        CommonMetricPrinter,
        EventStorage,
        EventWriter,
        JSONWriter,
        TensorboardXWriter,
        get_event_storage,
    )
else:
    from detectron2.utils.events import (
        CommonMetricPrinter,
        EventStorage,
        EventWriter,
        JSONWriter,
        TensorboardXWriter,
        get_event_storage,
    )

__all__ = [
    "CommonMetricPrinter",
    "EventStorage",
    "EventWriter",
    "JSONWriter",
    "TensorboardXWriter",
    "get_event_storage",
]
