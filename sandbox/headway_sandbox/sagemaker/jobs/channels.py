"""Input data of a job on its way from S3 to the hosts: copied, shared out, shuffled, or streamed."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from headway_sandbox.sagemaker.protocol import Document
from headway_sandbox.sagemaker.s3_files import S3Object, download_objects, find_objects, read_object

SHARDED = "ShardedByS3Key"
_RECORD_IO_MAGIC = 0xCED7230A
_GZIP_WINDOW = 31


def channel_mode(channel: Document, default: str) -> str:
    """``File``, ``FastFile`` or ``Pipe``.

    Args:
        channel: An entry of InputDataConfig.
        default: ``TrainingInputMode`` of the algorithm.
    """
    mode: str = channel.get("InputMode", default)
    return mode


def share(objects: Sequence[S3Object], distribution: str, index: int, count: int) -> list[S3Object]:
    """The objects that one host gets.

    Args:
        objects: All objects of the data source.
        distribution: ``FullyReplicated`` or ``ShardedByS3Key``.
        index: Number of the host, from 0.
        count: How many hosts there are.
    """
    return list(objects[index::count]) if distribution == SHARDED else list(objects)


class Channel:
    """The data of one channel of a training job.

    Args:
        s3: Client for S3.
        channel: An entry of InputDataConfig.
    """

    def __init__(self, s3: Any, channel: Document) -> None:  # noqa: ANN401 - a boto3 client
        self._s3 = s3
        self._channel = channel
        source = channel["DataSource"]["S3DataSource"]
        self._distribution = source.get("S3DataDistributionType", "FullyReplicated")
        self._objects = find_objects(s3, source["S3Uri"], source["S3DataType"])

    def objects(self, index: int, count: int, epoch: int = 0) -> list[S3Object]:
        """A host's objects; with a ShuffleConfig in an order that its seed and the epoch alone decide."""
        objects = list(self._objects)
        shuffle = self._channel.get("ShuffleConfig")
        if shuffle is not None:
            random.Random(f"{shuffle['Seed']}/{epoch}").shuffle(objects)  # noqa: S311 - an order, no secret
        return share(objects, self._distribution, index, count)

    def copy(self, directory: Path, index: int, count: int) -> None:
        """Copies a host's objects into a directory. Blocks."""
        download_objects(self._s3, self.objects(index, count), directory)

    def stream(self, index: int, count: int, epoch: int) -> Iterator[bytes]:
        """A host's objects one after the other, as Pipe mode gives them. Blocks."""
        wrap = self._channel.get("RecordWrapperType", "None") == "RecordIO"
        unpack = self._channel.get("CompressionType", "None") == "Gzip"
        for item in self.objects(index, count, epoch):
            parts: Iterable[bytes] = read_object(self._s3, item.location)
            parts = _unpacked(parts) if unpack else parts
            yield from _record(b"".join(parts)) if wrap else parts


def _unpacked(parts: Iterable[bytes]) -> Iterator[bytes]:
    unpacker = zlib.decompressobj(_GZIP_WINDOW)
    for part in parts:
        yield unpacker.decompress(part)
    yield unpacker.flush()


def _record(content: bytes) -> Iterator[bytes]:
    """One record in the RecordIO format: magic number, length, content, padded to four bytes."""
    yield struct.pack("<II", _RECORD_IO_MAGIC, len(content))
    yield content
    yield bytes(-len(content) % 4)
