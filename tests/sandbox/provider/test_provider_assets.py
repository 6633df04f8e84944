"""Archives give the same bytes for the same files, wherever they come from."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from headway_sandbox.provider.assets import Archive, Asset, AssetError, body, digest

FILES = {"a.txt": b"a", "deep/b.bin": bytes(range(256))}


def directory(path: Path) -> Path:
    for name, content in FILES.items():
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    (path / "__pycache__").mkdir()
    (path / "__pycache__" / "a.pyc").write_bytes(b"differs on every machine")
    return path


def zipped(path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in reversed(FILES.items()):
            archive.writestr(name, content)
    return path


def tarred(path: Path) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in FILES.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def test_the_same_files_give_the_same_archive(tmp_path: Path) -> None:
    folder = directory(tmp_path / "folder")
    named = {name: Asset(path=str(folder / name)) for name in reversed(FILES)}
    nested = {
        "deep": Archive(assets={"b.bin": Asset(path=str(folder / "deep/b.bin"))}),
        "a.txt": Asset(text="a"),
    }
    archives = [
        Archive(path=str(folder)),
        Archive(path=str(zipped(tmp_path / "files.zip"))),
        Archive(path=str(tarred(tmp_path / "files.tar.gz"))),
        Archive(assets=named),
        Archive(assets=nested),
    ]

    assert len({digest(body(archive)) for archive in archives}) == 1
    with zipfile.ZipFile(io.BytesIO(body(archives[0]))) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == FILES


@pytest.mark.parametrize(
    ("archive", "message"),
    [
        (Archive(path="/nowhere"), "the archive /nowhere is neither a directory nor a zip or tar file"),
        (
            Archive(uri="https://example.com/a.zip"),
            "the remote asset https://example.com/a.zip cannot be used",
        ),
        (Archive(assets={"a": "text"}), "the archive member a is neither an asset nor an archive but str"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_sentence(archive: Archive, message: str) -> None:
    with pytest.raises(AssetError) as refused:
        body(archive)
    assert message in str(refused.value)


def test_what_the_engine_leaves_out_stays_left_out() -> None:
    assert Asset.from_properties({"hash": "h"}).properties() == {"hash": "h"}
    assert Archive.from_properties({"hash": "h"}).properties() == {"hash": "h"}
    assert Asset.from_properties({"text": "", "hash": "h"}).properties() == {"text": "", "hash": "h"}
