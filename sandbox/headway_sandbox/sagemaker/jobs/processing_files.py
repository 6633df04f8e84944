"""The files of a processing job: laid out on its hosts before it runs, copied to S3 as it declares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from headway_sandbox.sagemaker.jobs import container
from headway_sandbox.sagemaker.jobs.channels import share
from headway_sandbox.sagemaker.jobs.hosts import JobHost, resource_config
from headway_sandbox.sagemaker.jobs.sync import DirectorySync
from headway_sandbox.sagemaker.protocol import Document
from headway_sandbox.sagemaker.s3_files import (
    S3Location,
    download_objects,
    encryption_arguments,
    find_objects,
)

_CONTINUOUS = "Continuous"


class ProcessingFiles:
    """The files of one processing job. All of it blocks.

    Args:
        s3: Client for S3.
        document: The job.
        hosts: Its hosts.
    """

    def __init__(self, s3: Any, document: Document, hosts: Sequence[JobHost]) -> None:  # noqa: ANN401
        self._s3 = s3
        self._document = document
        self._hosts = hosts
        configured = document.get("ProcessingOutputConfig", {})
        encryption = encryption_arguments(configured.get("KmsKeyId"))
        self._outputs = [item["S3Output"] for item in configured.get("Outputs", [])]
        self._syncs = [
            (
                output,
                DirectorySync(
                    s3,
                    container.local_path(host.base, output["LocalPath"]),
                    S3Location.parse(output["S3Uri"]),
                    encryption,
                ),
            )
            for host in hosts
            for output in self._outputs
        ]

    @property
    def continuous(self) -> list[DirectorySync]:
        """The outputs that are copied while the job runs."""
        return [sync for output, sync in self._syncs if output["S3UploadMode"] == _CONTINUOUS]

    def place(self) -> None:
        """Lays out every host's directories, configuration and inputs.

        Raises:
            S3FileError: If data is missing or cannot be read.
        """
        for host in self._hosts:
            for directory in ("config", "output", "processing/input", "processing/output"):
                (host.base / directory).mkdir(parents=True, exist_ok=True)
            self._configure(host)
            for output in self._outputs:
                container.local_path(host.base, output["LocalPath"]).mkdir(parents=True, exist_ok=True)
        for item in self._document.get("ProcessingInputs", []):
            source = item["S3Input"]
            objects = find_objects(self._s3, source["S3Uri"], source["S3DataType"])
            distribution = source.get("S3DataDistributionType", "FullyReplicated")
            for index, host in enumerate(self._hosts):
                own = share(objects, distribution, index, len(self._hosts))
                download_objects(self._s3, own, container.local_path(host.base, source["LocalPath"]))

    def upload(self) -> None:
        """Copies every output to S3.

        Raises:
            S3FileError: If S3 refuses.
        """
        for _, sync in self._syncs:
            sync.copy()

    def _configure(self, host: JobHost) -> None:
        cluster = self._document["ProcessingResources"]["ClusterConfig"]
        resources = resource_config(host, self._hosts, cluster["InstanceType"])
        config = host.base / "config"
        container.write_json(config / "processingjobconfig.json", self._document)
        container.write_json(config / "resourceconfig.json", resources)
