"""AWS clients for a stack: the sandbox's for the local one, the person's own elsewhere."""

import functools
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

_CONFIG = Config(retries={"mode": "standard", "total_max_attempts": 3}, connect_timeout=5, read_timeout=70)


class Aws:
    """Clients that are made once for a set of variables.

    Args:
        variables: What is set over the process's own environment: an endpoint and its credentials, or less.
        credentials: Credentials of a role, as a client takes them; none for those of the variables.
    """

    def __init__(self, variables: Mapping[str, str], credentials: Mapping[str, str] | None = None) -> None:
        self._variables = variables
        self._credentials = {} if credentials is None else credentials
        self.client = functools.cache(self._client)

    def assuming(self, role_arn: str, session: str) -> "Aws":
        """Clients that act as a role.

        Args:
            role_arn: The role.
            session: Name of the session, as the trail shows it.
        """
        answer = self.client("sts").assume_role(RoleArn=role_arn, RoleSessionName=session)["Credentials"]
        credentials = {
            "aws_access_key_id": answer["AccessKeyId"],
            "aws_secret_access_key": answer["SecretAccessKey"],
            "aws_session_token": answer["SessionToken"],
        }
        return Aws(self._variables, credentials)

    def _client(self, service: str) -> Any:  # noqa: ANN401 - boto3 makes its clients at run time
        url = self._variables.get("AWS_ENDPOINT_URL")
        if url is None:
            return boto3.client(service, config=_CONFIG, **self._credentials)
        own = {
            "aws_access_key_id": self._variables["AWS_ACCESS_KEY_ID"],
            "aws_secret_access_key": self._variables["AWS_SECRET_ACCESS_KEY"],
        }
        return boto3.client(
            service,
            endpoint_url=url,
            region_name=self._variables["AWS_REGION"],
            config=_CONFIG,
            **{**own, **self._credentials},
        )

    def read_object(self, uri: str) -> bytes | None:
        """The content of an `s3://bucket/key`; None where there is none."""
        place = urlsplit(uri)
        try:
            answer = self.client("s3").get_object(Bucket=place.netloc, Key=place.path.lstrip("/"))
        except ClientError as error:
            if error_code(error) in {"NoSuchKey", "NoSuchBucket", "404"}:
                return None
            raise
        content: bytes = answer["Body"].read()
        return content


def error_code(error: ClientError) -> str:
    """The code in the answer of a call that failed."""
    return str(error.response.get("Error", {}).get("Code", ""))


def is_absent(error: ClientError) -> bool:
    """Whether a call failed because there is no such thing."""
    code = error_code(error)
    message = str(error.response.get("Error", {}).get("Message", ""))
    return "NotFound" in code or (code == "ValidationException" and "not find" in message.lower())
