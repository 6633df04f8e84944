"""What ministack reads from the environment when it is imported."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """What ministack must know before it is imported.

    Attributes:
        state_dir: Where it keeps its state, objects in S3 included.
        port: The port that its functions call back to.
        region: Region of requests that are not signed for another.
        account: Account of requests whose access key is not itself an account number.
        enforce_iam: Whether every call is authorised against the policies of its caller.
    """

    state_dir: Path
    port: int
    region: str
    account: str
    enforce_iam: bool = False


def configure(settings: Settings) -> None:
    """Sets what ministack reads when it is imported, and clears what its functions must not inherit.

    The code of functions is unpacked into temporary files. Those of a sandbox that was killed are removed by
    its next start, since they lie in its state directory.
    """
    scratch = settings.state_dir / "scratch"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    tempfile.tempdir = str(scratch)
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(
        {
            "GATEWAY_PORT": str(settings.port),
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "localhost",
            "AUTH": "true" if settings.enforce_iam else "false",
            "MINISTACK_REGION": settings.region,
            "MINISTACK_ACCOUNT_ID": settings.account,
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{settings.port}",
            "PERSIST_STATE": "1",
            "STATE_DIR": str(settings.state_dir / "services"),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(settings.state_dir / "s3"),
            "CLOUDTRAIL_RECORDING": "1",
            # Listeners of services that Headway does not use, on ports of their own.
            "SFTP_ENABLED": "0",
            "IOT_MTLS_ENABLED": "0",
            # Functions run as subprocesses of the sandbox's own interpreter.
            "LAMBDA_EXECUTOR": "local",
            # The audit trail is copied whole at each save; a laptop needs no longer one.
            "CLOUDTRAIL_MAX_EVENTS": "2000",
            "LOG_LEVEL": os.environ.get("LOG_LEVEL", "WARNING"),
        }
    )
