"""The SM_* environment that the sagemaker-training toolkit gives a training script.

Names and forms are those of the toolkit's own list of environment variables; values come from the files in
``/opt/ml/input/config`` alone, so that the same variables can be made outside of a container and in it.
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Document = Mapping[str, Any]

RESERVED_PREFIX = "sagemaker_"
"""Hyperparameters that are meant for the toolkit, not for the script."""


def decoded(hyperparameters: Mapping[str, str]) -> dict[str, Any]:
    """Hyperparameters with the values that are JSON decoded.

    >>> decoded({"epochs": "3", "name": '"a"', "text": "a b"})
    {'epochs': 3, 'name': 'a', 'text': 'a b'}
    """
    return {name: _decoded(value) for name, value in hyperparameters.items()}


def for_script(hyperparameters: Document) -> dict[str, Any]:
    """The hyperparameters that the script gets, without those of the toolkit."""
    return {name: value for name, value in hyperparameters.items() if not name.startswith(RESERVED_PREFIX)}


def script_arguments(hyperparameters: Document) -> list[str]:
    """Hyperparameters as command-line arguments: sorted, with one dash for names of one letter.

    >>> script_arguments({"n": 3, "learning-rate": 0.1, "on": {"b": 2, "a": 1}})
    ['--learning-rate', '0.1', '-n', '3', '--on', 'a=1,b=2']
    """
    arguments = []
    for name, value in sorted(hyperparameters.items()):
        dashes = "--" if len(name) > 1 else "-"
        arguments += [f"{dashes}{name}", _as_argument(value)]
    return arguments


def configured_variables(directory: Path, root: str, program: str = "") -> dict[str, str]:
    """All SM_* variables of a container whose configuration files are in place.

    Args:
        directory: Where /opt/ml is for whoever asks.
        root: What it is called in the container.
        program: The script's file name; empty when there is none.

    Raises:
        OSError: If a configuration file is missing.
    """
    read = functools.partial(_read, directory / "input" / "config")
    hyperparameters = decoded(read("hyperparameters.json"))
    return training_variables(
        root, hyperparameters, read("inputdataconfig.json"), read("resourceconfig.json"), program=program
    )


def training_variables(
    root: str, hyperparameters: Document, channels: Document, resources: Document, *, program: str = ""
) -> dict[str, str]:
    """All SM_* variables.

    Args:
        root: What /opt/ml is called in the container.
        hyperparameters: Decoded hyperparameters, those of the toolkit among them.
        channels: ``inputdataconfig.json``.
        resources: ``resourceconfig.json``.
        program: The script's file name; empty when there is none.
    """
    own = for_script(hyperparameters)
    framework = {name: value for name, value in hyperparameters.items() if name not in own}
    arguments = script_arguments(own)
    module = program.removesuffix(".py")
    hosts, current = resources.get("hosts", []), resources.get("current_host", "")
    groups = resources.get("instance_groups", [])
    group = resources.get("current_group_name", "")
    directories = {
        "SM_INPUT_DIR": f"{root}/input",
        "SM_INPUT_CONFIG_DIR": f"{root}/input/config",
        "SM_OUTPUT_DIR": f"{root}/output",
        "SM_OUTPUT_DATA_DIR": f"{root}/output/data",
        "SM_OUTPUT_INTERMEDIATE_DIR": f"{root}/output/intermediate",
        "SM_MODEL_DIR": f"{root}/model",
    }
    described = {
        "additional_framework_parameters": framework,
        "channel_input_dirs": {name: f"{root}/input/data/{name}" for name in channels},
        "current_host": current,
        "hosts": hosts,
        "hyperparameters": own,
        "input_data_config": channels,
        "is_master": bool(hosts) and current == hosts[0],
        "job_name": hyperparameters.get("sagemaker_job_name", ""),
        "master_hostname": hosts[0] if hosts else "",
        "module_dir": hyperparameters.get("sagemaker_submit_directory", ""),
        "module_name": module,
        "num_cpus": os.cpu_count(),
        "num_gpus": 0,
        "resource_config": resources,
        "user_entry_point": program,
        **{name.removeprefix("SM_").lower(): value for name, value in directories.items()},
    }
    values = {
        "SM_CHANNELS": sorted(channels),
        "SM_CURRENT_HOST": current,
        "SM_CURRENT_INSTANCE_GROUP": group,
        "SM_CURRENT_INSTANCE_GROUP_HOSTS": _hosts_of(groups, group),
        "SM_CURRENT_INSTANCE_TYPE": resources.get("current_instance_type") or "",
        "SM_DISTRIBUTION_INSTANCE_GROUPS": [],
        "SM_FRAMEWORK_PARAMS": framework,
        "SM_HOSTS": hosts,
        "SM_HPS": own,
        "SM_INPUT_DATA_CONFIG": channels,
        "SM_INSTANCE_GROUPS": [each.get("instance_group_name") for each in groups],
        "SM_INSTANCE_GROUPS_DICT": {each.get("instance_group_name"): each for each in groups},
        "SM_IS_HETERO": len(groups) > 1,
        "SM_LOG_LEVEL": hyperparameters.get("sagemaker_container_log_level", 20),
        "SM_MODULE_DIR": described["module_dir"],
        "SM_MODULE_NAME": module,
        "SM_NETWORK_INTERFACE_NAME": resources.get("network_interface_name", "eth0"),
        "SM_NUM_CPUS": described["num_cpus"],
        "SM_NUM_GPUS": 0,
        "SM_NUM_NEURONS": 0,
        "SM_RESOURCE_CONFIG": resources,
        "SM_TRAINING_ENV": described,
        "SM_USER_ARGS": arguments,
        "SM_USER_ENTRY_POINT": program,
        **{f"SM_CHANNEL_{name.upper()}": f"{root}/input/data/{name}" for name in channels},
        **{f"SM_HP_{name.upper()}": value for name, value in own.items()},
    }
    return {**directories, **{name: _as_variable(value) for name, value in values.items()}}


def _read(directory: Path, name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((directory / name).read_text(encoding="utf-8"))
    return document


def _hosts_of(groups: list[Document], name: str) -> list[str]:
    return [host for group in groups if group.get("instance_group_name") == name for host in group["hosts"]]


def _decoded(value: str) -> Any:  # noqa: ANN401 - any JSON value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _as_argument(value: object) -> str:
    if isinstance(value, Mapping):
        return ",".join(f"{name}={item}" for name, item in sorted(value.items()))
    return str(value)


def _as_variable(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)
