"""A training script in script mode: the model is a factor."""

import argparse
import json
import os
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--factor", type=float, required=True)
factor = parser.parse_args().factor

rows = Path(os.environ["SM_CHANNEL_TRAIN"], "rows.csv").read_text().splitlines()
print(f"rows={len(rows)};")
Path(os.environ["SM_MODEL_DIR"], "factor.json").write_text(json.dumps(factor * len(rows)))
