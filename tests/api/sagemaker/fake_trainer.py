#!/usr/bin/python3
"""A trainer without a model: `--sagemaker --prefix DIR`. Hyperparameters say what it does."""
import json
import os
import pathlib
import signal
import sys
import time

root = pathlib.Path(sys.argv[sys.argv.index("--prefix") + 1])
assert os.environ["SAGEMAKER_BASE_DIR"] == str(root)
parameters = json.loads((root / "input/config/hyperparameters.json").read_text())
files = sorted(str(path.relative_to(root / "input/data")) for path in (root / "input/data").rglob("*") if path.is_file())
print("epoch 1 {'loss': 2.5}")
print("epoch 2 {'loss': 1.25e-1}", flush=True)
if parameters.get("fail") == "file":
    (root / "output/failure").write_text("The data has no column note.")
    sys.exit(1)
if parameters.get("fail") == "word":
    print("epicrisis-train: train.csv:3: the column summary is missing", file=sys.stderr)
    sys.exit(2)
if parameters.get("wait"):
    stopped = []
    signal.signal(signal.SIGTERM, lambda *_: stopped.append(1))
    (root / "model/partial").write_text("before the end")
    while not stopped:
        time.sleep(0.01)
(root / "model/config.json").write_text(json.dumps({"files": files, "parameters": parameters}))
(root / "output/data/report.txt").write_text("report")
