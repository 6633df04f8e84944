"""A processing script: keeps a share of the rows and reports how many there were."""

import argparse
import json
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--share", type=float, required=True)
share = parser.parse_args().share

rows = Path("/opt/ml/processing/input/rows.csv").read_text().splitlines()
kept = rows[: int(len(rows) * share)]
output = Path("/opt/ml/processing/output")
(output / "train/rows.csv").write_text("\n".join(kept))
(output / "report/report.json").write_text(json.dumps({"rows": len(rows)}))
