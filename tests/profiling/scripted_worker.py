"""
Stands in for a measuring process: answers at once, and takes as many seconds for a step as its
workload has names. A workload of 13 names is refused, one of 99 kills it.
"""

from __future__ import annotations

import json
import sys

tree, request = sys.argv[1:]
workload = json.loads(request)
classes = workload["classes"]
if classes == 99:
    sys.exit(3)
if classes == 13:
    print(json.dumps({"error": "13 brings bad luck."}), flush=True)
about = {
    "classes": classes,
    "machine": f"a machine, zs3 of {tree}",
    "weights": "no weights: speed only",
    "model_bytes": 3_000_000,
    "peak_bytes": 5_000_000,
    "prompts": 4 * classes,
    "seconds_a_prompt": 0.01,
}
print(json.dumps(about), flush=True)
for _ in sys.stdin:
    print(json.dumps([{"backbone": 0.75 * classes, "readout": 0.25 * classes}]), flush=True)
