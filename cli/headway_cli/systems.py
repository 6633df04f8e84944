"""What the stack says about its systems: the one output that the command line builds on."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from headway_cli.engine_session import Session
from headway_cli.errors import HeadwayError, WrongUseError
from headway_cli.pulumi_run import query

_REQUIRED = ("endpoint_name", "base_endpoint_config_name", "contract_digest")
_OPTIONAL = (
    *("pipeline_name", "model_package_group_name", "release_state_machine_arn", "release_table_name"),
    *("monitor_pipeline_name", "monitor_alarm_name", "labels_uri"),
    *("ingest_code", "feature_code", "eraser_role_arn"),
)


@dataclass(frozen=True, kw_only=True)
class System:
    """One system of the stack, by the names that AWS knows its parts by; None for a part that it has not."""

    name: str
    endpoint_name: str
    base_endpoint_config_name: str
    contract_digest: str
    pipeline_name: str | None = None
    model_package_group_name: str | None = None
    release_state_machine_arn: str | None = None
    release_table_name: str | None = None
    monitor_pipeline_name: str | None = None
    monitor_alarm_name: str | None = None
    labels_uri: str | None = None
    ingest_code: str | None = None
    feature_code: str | None = None
    eraser_role_arn: str | None = None
    artifacts_bucket: str | None = None
    data_bucket: str | None = None
    capture_bucket: str | None = None
    audit_bucket: str | None = None
    switch: Mapping[str, str] | None = None
    review: Mapping[str, Any] | None = None
    contract: Mapping[str, Any] = field(default_factory=dict)
    evaluation: Mapping[str, Any] = field(default_factory=dict)
    features: Sequence[Mapping[str, Any]] = ()


def read_systems(session: Session) -> tuple[System, ...]:
    """The systems of a deployed stack.

    Raises:
        HeadwayError: The stack is not deployed, or its outputs are of another version.
    """
    return parse_systems(json.loads(query(session, "stack", "output", "--json", "--stack", session.stack)))


def parse_systems(outputs: Mapping[str, Any]) -> tuple[System, ...]:
    """The systems in the outputs of a stack.

    Raises:
        HeadwayError: There are none, or something that is needed is missing; names all that is missing.
    """
    documents = outputs.get("systems")
    if not isinstance(documents, Mapping) or not documents:
        raise HeadwayError("the stack has no system yet; run `headway up`")
    missing = [f"{name}.{key}" for name, item in documents.items() for key in _REQUIRED if not item.get(key)]
    if missing:
        raise HeadwayError(
            f"the stack's output `systems` lacks {', '.join(missing)}; run `headway up` to renew it"
        )
    return tuple(
        System(
            name=name,
            **{key: item[key] for key in (*_REQUIRED, *_OPTIONAL) if item.get(key)},
            artifacts_bucket=item.get("buckets", {}).get("artifacts"),
            data_bucket=item.get("buckets", {}).get("data"),
            capture_bucket=item.get("buckets", {}).get("capture"),
            audit_bucket=item.get("buckets", {}).get("audit"),
            features=item.get("features", ()),
            switch=item.get("switch"),
            review=item.get("review"),
            contract=item.get("contract", {}),
            evaluation=item.get("evaluation", {}),
        )
        for name, item in sorted(documents.items())
    )


def choose_system(systems: tuple[System, ...], name: str | None) -> System:
    """The system of that name; without a name, the only one.

    Raises:
        WrongUseError: There is none of that name, or there are several and none was named.
    """
    names = ", ".join(system.name for system in systems)
    if name is None:
        if len(systems) > 1:
            raise WrongUseError(f"there are several systems, so name one with --system: {names}")
        return systems[0]
    for system in systems:
        if system.name == name:
            return system
    raise WrongUseError(f"there is no system named {name!r}; there is {names}")
