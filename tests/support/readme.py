"""Reads the fenced blocks of a Markdown page, so that tests can run what the page shows."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), ROOT / "runtime/container/README.md")
_BLOCK = re.compile(
    r"(?:<!-- (?P<key>file|output|change): (?P<value>[^>]+?) -->\n)?"
    r"^```(?P<language>\w+)\n(?P<body>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """One fenced block: language, text, and the comment before it (`file: PATH`, `output: NAME`)."""

    page: Path
    language: str
    body: str
    key: str | None
    value: str | None

    @property
    def name(self) -> str:
        return f"{self.page.relative_to(ROOT)}: {self.body.strip().splitlines()[0][:60]}"


def blocks(page: Path) -> list[Block]:
    return [
        Block(page, match["language"], match["body"], match["key"], match["value"])
        for match in _BLOCK.finditer(page.read_text("utf-8"))
    ]


def commands(block: Block) -> list[str]:
    """The commands of a shell block: lines without comments."""
    lines = [line.split("  #", 1)[0].strip() for line in block.body.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]
