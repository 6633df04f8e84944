"""Jobs as SageMaker runs them: a directory, an environment, a process."""

import contextlib
import io
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from headway_runtime.__main__ import main


@dataclass(frozen=True)
class Job:
    """One container directory and the command of the image."""

    base: Path

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "headway_runtime", *arguments],
            env={**os.environ, "SAGEMAKER_BASE_DIR": str(self.base), **environment},
            cwd=self.base,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )

    def call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The same command in this process: a tenth of the time, for tables of cases."""
        out, err = io.StringIO(), io.StringIO()
        path, modules, before = list(sys.path), set(sys.modules), os.environ.get("SAGEMAKER_BASE_DIR")
        os.environ["SAGEMAKER_BASE_DIR"] = str(self.base)
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                status = main(list(arguments))
        except SystemExit as stopped:
            status = int(stopped.code or 0)
        finally:
            sys.path[:] = path
            for name in set(sys.modules) - modules:
                if getattr(sys.modules[name], "__file__", None) and str(self.base) in str(
                    sys.modules[name].__file__
                ):
                    del sys.modules[name]
            os.environ.pop("SAGEMAKER_BASE_DIR")
            if before is not None:
                os.environ["SAGEMAKER_BASE_DIR"] = before
        return subprocess.CompletedProcess(arguments, status, out.getvalue(), err.getvalue())

    def put(self, path: str, content: str | bytes | dict[str, Any]) -> Path:
        file = self.base / path
        file.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(content) if isinstance(content, dict) else content
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return file

    def json(self, path: str) -> Any:
        return json.loads((self.base / path).read_bytes())

    def text(self, path: str) -> str:
        return (self.base / path).read_text("utf-8")


@pytest.fixture
def job(tmp_path: Path) -> Job:
    base = tmp_path / "job"
    base.mkdir()
    return Job(base)


@pytest.fixture
def contract() -> dict[str, Any]:
    """A small contract with every type, a closed set, bounds and missing values."""
    return {
        "name": "shop",
        "version": 1,
        "task": "binary-classification",
        "inputs": [
            {"name": "colour", "type": "string", "nullable": True},
            {"name": "size", "type": "string", "nullable": False, "values": ["s", "m"], "closed": True},
            {"name": "price_usd", "type": "number", "nullable": False, "minimum": 0, "maximum": 100},
            {"name": "stock", "type": "integer", "nullable": True, "minimum": 0},
            {"name": "new", "type": "boolean", "nullable": False},
        ],
        "output": {"name": "probability", "type": "number", "minimum": 0.0, "maximum": 1.0},
    }
