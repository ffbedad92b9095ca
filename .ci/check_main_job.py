"""Holds the main job against the regression bounds of the Shapes benchmark (docs/protocol.md)."""

import json
import sys
from pathlib import Path

LOWEST = {
    "hIoU": 55,
    "U-mIoU": 45,
    "S-mIoU": 65,
    "U-combination": 48,
    "U-shape": 35,
    "U-stuff": 50,
}

output = Path(sys.argv[1])
metrics = output / "model" / "inference" / "shapes_mixed_test" / "metrics.json"
scores = json.loads(metrics.read_text())["sem_seg"]
missed = {name: scores[name] for name, bound in LOWEST.items() if scores[name] < bound}
report = json.loads((output / "segmented" / "report.json").read_text())
if missed:
    raise SystemExit(f"below the bounds {LOWEST}: {missed}")
if len(report["images"]) != 12:
    raise SystemExit(f"the demo segmented {len(report['images'])} of 12 images")
print(f"the main job is within its bounds: hIoU {scores['hIoU']}, 12 images segmented")
