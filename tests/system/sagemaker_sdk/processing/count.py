"""A processing script with a module beside it, on several hosts."""

import json
import sys
from pathlib import Path

from places import CONFIG, OUTPUT  # type: ignore[import-not-found]  # beside it in the container

host = json.loads(CONFIG.read_text())["current_host"]
names = sorted(path.name for path in Path("/opt/ml/processing/input/rows").iterdir())
(OUTPUT / host).write_text(f"{sys.argv[1]}: {' '.join(names)}")
