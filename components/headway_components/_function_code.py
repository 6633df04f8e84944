"""Functions made of parts of the runtime, whose code is read without importing it."""

import importlib.util
from collections.abc import Mapping
from pathlib import Path

import pulumi
from pulumi_aws import lambda_

from headway_components import _defaults

RUNTIME_PACKAGE = "headway_runtime"


def function_code(*paths: str) -> pulumi.AssetArchive:
    """An archive of files of the runtime: what a stack ships it does not run.

    Args:
        paths: Files below the runtime's package, or directories, of which all modules are taken.
    """
    spec = importlib.util.find_spec(RUNTIME_PACKAGE)
    assert spec is not None
    assert spec.submodule_search_locations is not None
    root = Path(spec.submodule_search_locations[0])
    files = [
        file
        for path in paths
        for file in (sorted((root / path).glob("*.py")) if (root / path).is_dir() else [root / path])
    ]
    assets: dict[str, pulumi.Asset | pulumi.Archive] = {
        f"{RUNTIME_PACKAGE}/{path.relative_to(root).as_posix()}": pulumi.StringAsset(path.read_text("utf-8"))
        for path in files
    }
    return pulumi.AssetArchive(assets)


def runtime_function(
    name: str,
    *,
    description: str,
    role: pulumi.Input[str],
    handler: str,
    code: pulumi.AssetArchive,
    timeout_s: int,
    key_arn: pulumi.Input[str],
    settings: Mapping[str, pulumi.Input[str]],
    log_group: pulumi.Input[str],
    opts: pulumi.ResourceOptions,
) -> lambda_.Function:
    """A function that runs parts of the runtime.

    Args:
        name: Logical name of the function.
        description: What it does, for people.
        role: ARN of its role.
        handler: What it calls.
        code: Its code.
        timeout_s: Time after which it is ended, in seconds.
        key_arn: Key that its settings are encrypted with.
        settings: What it is told; it reads each as an environment variable that begins with `HEADWAY_`.
        log_group: Name of its log group.
        opts: Its parent and what it waits for.
    """
    return lambda_.Function(
        name,
        description=description,
        role=role,
        runtime=_defaults.LAMBDA_RUNTIME,
        architectures=["arm64"],
        handler=handler,
        code=code,
        timeout=timeout_s,
        memory_size=_defaults.RELEASE_MEMORY_MIB,
        kms_key_arn=key_arn,
        environment=lambda_.FunctionEnvironmentArgs(
            variables={f"HEADWAY_{key.upper()}": value for key, value in settings.items()}
        ),
        logging_config=lambda_.FunctionLoggingConfigArgs(log_format="JSON", log_group=log_group),
        opts=opts,
    )
