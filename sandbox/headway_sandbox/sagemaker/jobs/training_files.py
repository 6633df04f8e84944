"""The files of a training job: laid out on its hosts before it runs, copied to S3 when it has run."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from headway_sandbox.sagemaker.jobs import container
from headway_sandbox.sagemaker.jobs.channels import Channel, channel_mode
from headway_sandbox.sagemaker.jobs.hosts import JobHost, resource_config
from headway_sandbox.sagemaker.jobs.pipes import ChannelPipe
from headway_sandbox.sagemaker.jobs.sync import DirectorySync
from headway_sandbox.sagemaker.protocol import Document
from headway_sandbox.sagemaker.s3_files import (
    S3FileError,
    S3Location,
    download,
    encryption_arguments,
    upload_file,
)

_DIRECTORIES = ("model", "output/data", "output/intermediate", "checkpoints", "input/config", "input/data")
_UNCOMPRESSED = "NONE"
DIRECTORIES = {
    "CheckpointConfig": "/opt/ml/checkpoints",
    "TensorBoardOutputConfig": "/opt/ml/output/tensorboard",
}
"""Where the directories are that are copied to S3 while a job runs, unless it says otherwise."""

MODEL_ARCHIVE, MODEL_FOLDER, OUTPUT_ARCHIVE = "model.tar.gz", "model/", "output.tar.gz"


def model_location(output: Document, name: str) -> S3Location:
    """Where a training job leaves its model: an archive, or with CompressionType NONE a prefix.

    Args:
        output: ``OutputDataConfig``.
        name: The job's name.
    """
    compressed = output.get("CompressionType") != _UNCOMPRESSED
    folder = S3Location.parse(output["S3OutputPath"]).child(name, "output")
    return folder.child(MODEL_ARCHIVE if compressed else MODEL_FOLDER)


class TrainingFiles:
    """The files of one training job. What is not said to be quick blocks.

    Args:
        s3: Client for S3.
        document: The job.
        hosts: Its hosts.
    """

    def __init__(self, s3: Any, document: Document, hosts: Sequence[JobHost]) -> None:  # noqa: ANN401
        self._s3 = s3
        self._document = document
        self._hosts = hosts
        self._output = document["OutputDataConfig"]
        self._encryption = encryption_arguments(self._output.get("KmsKeyId"))
        self._channels: dict[str, Channel] = {}
        self.synchronised = [sync for host in hosts for sync in self._synchronised(host)]

    def place(self) -> None:
        """Lays out every host's directories, configuration and data.

        Raises:
            S3FileError: If data is missing or cannot be read.
        """
        for index, host in enumerate(self._hosts):
            for directory in _DIRECTORIES:
                (host.base / directory).mkdir(parents=True, exist_ok=True)
            self._configure(host)
            self._restore_checkpoints(host)
            for channel in self._document.get("InputDataConfig", []):
                name = channel["ChannelName"]
                if name not in self._channels:
                    self._channels[name] = Channel(self._s3, channel)
                if self._mode(channel) != "Pipe":
                    self._channels[name].copy(host.base / "input" / "data" / name, index, len(self._hosts))
        for sync in self.synchronised:
            sync.remember()

    @contextlib.contextmanager
    def pipes(self) -> Iterator[None]:
        """While the body runs, the channels in Pipe mode can be read; quick."""
        pipes = []
        for index, host in enumerate(self._hosts):
            for channel in self._document.get("InputDataConfig", []):
                if self._mode(channel) == "Pipe":
                    name = channel["ChannelName"]
                    stream = functools.partial(self._channels[name].stream, index, len(self._hosts))
                    pipes.append(ChannelPipe(host.base / "input" / "data", name, stream))
        try:
            for pipe in pipes:
                pipe.start()
            yield
        finally:
            for pipe in pipes:
                pipe.close()

    def upload(self, work: Path, *, with_model: bool) -> None:
        """Copies what the containers produced to S3.

        Args:
            work: Directory for archives.
            with_model: Whether the model is copied too.

        Raises:
            S3FileError: If S3 refuses.
        """
        if with_model:
            self._upload_model(work)
        data = container.merged([host.base / "output" / "data" for host in self._hosts])
        if any(path.is_file() for _, path in data):
            self._upload_archive("output/data", work / OUTPUT_ARCHIVE, self._folder.child(OUTPUT_ARCHIVE))
        for sync in self.synchronised:
            sync.copy()

    @property
    def _folder(self) -> S3Location:
        return S3Location.parse(self._output["S3OutputPath"]).child(
            self._document["TrainingJobName"], "output"
        )

    def _upload_model(self, work: Path) -> None:
        target = S3Location.parse(self._document["ModelArtifacts"]["S3ModelArtifacts"])
        if self._output.get("CompressionType") != _UNCOMPRESSED:
            self._upload_archive("model", work / MODEL_ARCHIVE, target)
            return
        for name, path in container.merged([host.base / "model" for host in self._hosts]):
            if path.is_file():
                upload_file(self._s3, path, target.child(name), self._encryption)

    def _upload_archive(self, directory: str, archive: Path, target: S3Location) -> None:
        container.pack([host.base / directory for host in self._hosts], archive)
        upload_file(self._s3, archive, target, self._encryption)

    def _configure(self, host: JobHost) -> None:
        config = host.base / "input" / "config"
        channels = self._document.get("InputDataConfig", [])
        files = {
            "hyperparameters.json": self._document.get("HyperParameters", {}),
            "inputdataconfig.json": {item["ChannelName"]: self._described(item) for item in channels},
            "resourceconfig.json": resource_config(
                host, self._hosts, self._document["ResourceConfig"].get("InstanceType")
            ),
        }
        checkpoints = self._document.get("CheckpointConfig")
        if checkpoints is not None:
            files["checkpointconfig.json"] = checkpoints
        for name, content in files.items():
            container.write_json(config / name, content)

    def _mode(self, channel: Document) -> str:
        return channel_mode(
            channel, self._document["AlgorithmSpecification"].get("TrainingInputMode", "File")
        )

    def _described(self, channel: Document) -> dict[str, str]:
        source = channel["DataSource"]["S3DataSource"]
        return {
            "TrainingInputMode": self._mode(channel),
            "S3DistributionType": source.get("S3DataDistributionType", "FullyReplicated"),
            "RecordWrapperType": channel.get("RecordWrapperType", "None"),
            **({"ContentType": channel["ContentType"]} if "ContentType" in channel else {}),
        }

    def _synchronised(self, host: JobHost) -> Iterator[DirectorySync]:
        for member in DIRECTORIES:
            config = self._document.get(member)
            if config is not None:
                directory = _synchronised_path(host, member, config)
                yield DirectorySync(self._s3, directory, self._target(config), self._encryption)

    def _target(self, config: Document) -> S3Location:
        if "S3Uri" in config:
            return S3Location.parse(config["S3Uri"])
        name = self._document["TrainingJobName"]
        return S3Location.parse(config["S3OutputPath"]).child(name, "tensorboard-output")

    def _restore_checkpoints(self, host: JobHost) -> None:
        config = self._document.get("CheckpointConfig")
        if config is None:
            return
        directory = _synchronised_path(host, "CheckpointConfig", config)
        try:
            download(self._s3, config["S3Uri"], "S3Prefix", directory)
        except S3FileError:
            # The first run of a job finds no checkpoints.
            directory.mkdir(parents=True, exist_ok=True)


def _synchronised_path(host: JobHost, member: str, config: Document) -> Path:
    return container.local_path(host.base, config.get("LocalPath", DIRECTORIES[member]))
