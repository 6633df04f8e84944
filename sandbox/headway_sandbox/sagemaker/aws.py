"""Access to the other services of the same sandbox, through its own front door."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from typing import Any

ADMINISTRATOR: Mapping[str, str] = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
"""Credentials of the sandbox's administrator, as the environment carries them; they may do everything."""


class LoopbackAws:
    """boto3 clients against this sandbox.

    The calls block until the sandbox answers, so they must never run on its event loop's thread: use `call`
    from coroutines and `client` only inside a worker thread.

    Args:
        endpoint_url: Base URL of the sandbox.
        region: Region to sign for.
        credentials: Environment variables that hold the credentials; the administrator's by default.
    """

    def __init__(
        self, endpoint_url: str, region: str, credentials: Mapping[str, str] = ADMINISTRATOR
    ) -> None:
        self._endpoint_url = endpoint_url
        self._region = region
        self._credentials = credentials
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()

    def client(self, service: str) -> Any:  # noqa: ANN401 - boto3's clients are made at run time
        """The client of a service, for example ``s3``; one per service, safe to share between threads."""
        with self._lock:
            if service not in self._clients:
                # Imported on first use: it costs more than the whole start of the sandbox may take.
                import boto3  # noqa: PLC0415
                from botocore.config import Config  # noqa: PLC0415

                self._clients[service] = boto3.client(
                    service,
                    endpoint_url=self._endpoint_url,
                    region_name=self._region,
                    aws_access_key_id=self._credentials["AWS_ACCESS_KEY_ID"],
                    aws_secret_access_key=self._credentials["AWS_SECRET_ACCESS_KEY"],
                    aws_session_token=self._credentials.get("AWS_SESSION_TOKEN"),
                    config=Config(
                        retries={"max_attempts": 2}, s3={"addressing_style": "path"}, max_pool_connections=32
                    ),
                )
            return self._clients[service]

    async def call(self, service: str, method: str, **arguments: Any) -> Any:  # noqa: ANN401 - shapes are AWS's
        """Calls one operation in a worker thread, for example ``await aws.call("s3", "list_buckets")``.

        Raises:
            botocore.exceptions.ClientError: What the service answered.
        """

        def run() -> Any:  # noqa: ANN401
            return getattr(self.client(service), method)(**arguments)

        return await asyncio.to_thread(run)
