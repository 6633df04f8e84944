"""Where things are in a processing container."""

from pathlib import Path

CONFIG = Path("/opt/ml/config/resourceconfig.json")
OUTPUT = Path("/opt/ml/processing/output/counts")
