"""One place with files: what of it holds the subject, and the cut through it, object by object."""

import hashlib
import hmac
import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

from headway_runtime.contract import MANIFEST_FILE
from headway_runtime.data.manifest import file_digest
from headway_runtime.erasure.cut import Cut, Cutter, UnreadableError
from headway_runtime.erasure.findings import Changed, Found, Left
from headway_runtime.erasure.objects import Objects, OvertakenError, Version
from headway_runtime.erasure.parquet_rows import values_of
from headway_runtime.erasure.places import Place
from headway_runtime.erasure.reports import renewed_manifest, renewed_receipt
from headway_runtime.erasure.signs import Sign
from headway_runtime.erasure.subject import Subject

_ATTEMPTS = 5
_REST = "rest"
_AT_WORK = "a training uses it; run the same command again when it has ended"
_TEXT = (".csv", ".jsonl", ".json", ".txt", ".html", ".md")


@dataclass(frozen=True)
class _Look:
    """What one version holds: rows of the subject, rows of others, and its digests before and after."""

    version: Version
    removed: int
    kept: int
    before: str
    after: str | None


@dataclass
class Files:
    """The files of a system.

    Args:
        objects: The buckets.
        subject: The subject.
        secret: Key of the keyed hashes.
        scratch: A directory for files on their way.
        running: Executions of the pipeline that are at work; their files are left alone.
        delete_unreadable: Whether what cannot be read is deleted whole.
    """

    objects: Objects
    subject: Subject
    secret: bytes
    scratch: Path
    running: Collection[str] = ()
    delete_unreadable: bool = False
    datasets: dict[str, dict[str, Any]] = field(default_factory=dict)
    _clean: set[Version] = field(default_factory=set)
    _held: dict[Version, Left] = field(default_factory=dict)

    def visit(self, place: Place, *, erase: bool) -> Found:
        """Looks at a place, and cuts the subject out where that is wanted.

        Args:
            place: The place.
            erase: Whether anything may be changed.
        """
        found = Found(place.name)
        for key, versions in self.objects.keys(place.bucket, place.prefix):
            path = key[len(place.prefix) :]
            cutter = place.cutter(path)
            if cutter is None:
                continue
            found.looked_at += 1
            execution = path.partition("/")[0]
            if execution in self.running and place.digests == MANIFEST_FILE:
                left = self._left(place, f"{place.prefix}{execution}/", _AT_WORK)
                found.left += [left] if left not in found.left else []
                continue
            self._visit_until_done(place, cutter, versions, found, erase=erase)
        return found

    def values(self, place: Place, signs: Sequence[Sign], column: str) -> set[str]:
        """Values of a column in the rows of Parquet files that have a sign."""
        found: set[str] = set()
        for key, versions in self.objects.keys(place.bucket, place.prefix):
            for version in [item for item in versions if item.is_latest and key.endswith(".parquet")]:
                with tempfile.TemporaryDirectory(dir=self.scratch) as folder, suppress(UnreadableError):
                    path = Path(folder) / "source"
                    if version not in self._clean and self.objects.fetch(version, path):
                        found |= values_of(path, signs, column)
        return found

    def _visit_until_done(
        self, place: Place, cutter: Cutter, versions: list[Version], found: Found, *, erase: bool
    ) -> None:
        """Visits a key again where somebody else was faster."""
        key = versions[0].key
        for _ in range(_ATTEMPTS):
            try:
                self._visit_key(place, cutter, versions, found, erase=erase)
            except OvertakenError:
                versions = self.objects.versions(place.bucket, key)
            else:
                return
        why = "it is written all the time; run the same command again"
        found.left.append(self._left(place, key, why))

    def _visit_key(
        self, place: Place, cutter: Cutter, versions: list[Version], found: Found, *, erase: bool
    ) -> None:
        looks: list[_Look] = []
        left: list[Left] = []
        for version in versions:
            with tempfile.TemporaryDirectory(dir=self.scratch) as folder:
                look = self._look(place, cutter, version, Path(folder), left)
                if look is not None:
                    looks.append(look)
                    self._note_dataset(place, version.key)
                    if erase and version.is_latest:
                        self._change(place, look, Path(folder))
        found.left += left
        if not looks:
            return
        found.left += self._drop(place, looks, erase=erase)
        latest = [look for look in looks if look.version.is_latest]
        self._note_dataset(place, looks[0].version.key)
        rows = sum(look.removed for look in latest)
        found.rows += rows
        found.versions += len(looks) - len(latest)
        found.changed.append(
            Changed(
                key=self.subject.masked(looks[0].version.key),
                rows=rows,
                others=sum(look.kept for look in latest),
                before=looks[0].before,
                after=looks[0].after,
                old_versions=len(looks) - len(latest),
            )
        )

    def _look(
        self, place: Place, cutter: Cutter, version: Version, folder: Path, left: list[Left]
    ) -> _Look | None:
        """What a version holds of the subject, and the rest of it in a file; None for nothing."""
        end = ".gz" if version.key.endswith(".gz") else ""
        source, rest = folder / f"source{end}", folder / f"{_REST}{end}"
        if version in self._held:
            left.append(self._held[version])
        if version in self._clean or version in self._held or not self.objects.fetch(version, source):
            return None
        try:
            cut = cutter(source, rest)
        except UnreadableError as error:
            if version.key.endswith(_TEXT) and not self.subject.is_in(source.read_text("utf-8", "replace")):
                cut = Cut(0, 0)
            elif self.delete_unreadable:
                rest.unlink(missing_ok=True)
                cut = Cut(1, 0)
            else:
                why = f"{error}; look at it, or delete it whole with --delete-unreadable"
                left.append(self._left(place, version.key, why))
                return None
        if cut.removed == 0:
            if not place.follows:
                self._clean.add(version)
            return None
        if cut.kept == 0 and not place.stays:
            rest.unlink(missing_ok=True)
        before = hmac.new(self.secret, file_digest(source).encode(), hashlib.sha256).hexdigest()
        after = file_digest(rest) if rest.exists() else None
        return _Look(version, cut.removed, cut.kept, before, after)

    def _change(self, place: Place, look: _Look, folder: Path) -> None:
        # First: killed in between, the digest is that of what the next run writes.
        self._renew_digests(place, look)
        if look.after is None:
            self.objects.hide(look.version)
        else:
            self.objects.replace(look.version, next(folder.glob(f"{_REST}*")))

    def _drop(self, place: Place, looks: list[_Look], *, erase: bool) -> Iterator[Left]:
        """Deletes the versions for good that readers no longer get; says which of them are held."""
        version = looks[0].version
        now = {
            (item.version_id, item.etag): item for item in self.objects.versions(version.bucket, version.key)
        }
        for look in looks:
            item = now.get((look.version.version_id, look.version.etag))
            if item is None:
                continue
            held = self.objects.drop(item) if erase and not item.is_latest else self.objects.held(item)
            if held is not None:
                left = self._left(place, item.key, f"{held.why} keeps a version of it", held.until)
                if erase:
                    self._held[item] = left
                yield left

    def _renew_digests(self, place: Place, look: _Look) -> None:
        """Puts the digest that a file will have into the document that lies above it."""
        if not place.digests:
            return
        version = look.version
        for parent in PurePosixPath(version.key).parents:
            if not f"{parent}/".startswith(place.prefix):
                return
            found = self.objects.read_json(version.bucket, f"{parent}/{place.digests}")
            if found is None:
                continue
            document, current = found
            name = str(PurePosixPath(version.key).relative_to(parent))
            renewed = (
                renewed_manifest(document, name, look.after, look.removed)
                if place.digests == MANIFEST_FILE
                else renewed_receipt(document, name, look.after)
            )
            if renewed is not None:
                self.objects.write_json(current, renewed)
            return

    def _note_dataset(self, place: Place, key: str) -> None:
        """Remembers which version of a dataset held the subject, and which one has taken its place."""
        if place.digests != MANIFEST_FILE:
            return
        execution = key[len(place.prefix) :].partition("/")[0]
        found = self.objects.read_json(place.bucket, f"{place.prefix}{execution}/dataset/{MANIFEST_FILE}")
        now = None if found is None else found[0].get("dataset_version")
        known = self.datasets.setdefault(execution, {"execution": execution, "held_by": now})
        known["now"] = now

    def _left(self, place: Place, key: str, why: str, until: datetime | None = None) -> Left:
        return Left(f"{place.name}: s3://{place.bucket}/{self.subject.masked(key)}", why, until)
