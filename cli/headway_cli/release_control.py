"""What a person does with a release: looks, starts one, holds it, lets it go on, turns it back."""

import json
from typing import Any

from headway_cli.aws import Aws
from headway_cli.errors import HeadwayError
from headway_cli.registry import declared_package, register_again
from headway_cli.systems import System
from headway_runtime.release.plan import Plan, goes_by, read_plan
from headway_runtime.release.records import Order, Records, Release
from headway_runtime.release.watch import abandoned


def records_of(aws: Aws, system: System) -> Records:
    """The record of a system's releases.

    Raises:
        HeadwayError: The system has no release machine.
    """
    if system.release_table_name is None:
        raise HeadwayError(f"{system.name} has no release machine; run `headway up` to renew the stack")
    return Records(aws.client("dynamodb"), system.release_table_name, system.name)


def newest(records: Records) -> Release | None:
    """The newest release; None where there was none."""
    return next(iter(records.all()), None)


def plan_of(aws: Aws, system: System, release: Release | None = None) -> Plan:
    """The plan that a release goes by; the one that is declared now without a release."""
    declared = read_plan(aws.client("ssm"), f"/headway/{system.endpoint_name}/release-plan")
    return declared if release is None else goes_by(release.plan, declared)


def rehearse(aws: Aws, system: System, package: str | None, at: str) -> str:
    """Registers a model once more, which its event releases; answers the new model package.

    Args:
        aws: Clients of the stack's account.
        system: The system.
        package: The model package; the one that serves when left out, or is declared where none does.
        at: The time, ISO 8601.

    Raises:
        HeadwayError: No model was trained, or none of that name.
    """
    serving = _serving(records_of(aws, system)) if package is None else package
    return register_again(aws, _described(aws, _declared(aws, system) if serving is None else serving), at)


def start(aws: Aws, system: System, package: str | None, override: str | None) -> str:
    """Starts a release; answers what is released.

    Args:
        aws: Clients of the stack's account.
        system: The system.
        package: The model package; the newest one of what is declared when left out.
        override: `NAME: REASON` of whoever releases a rejected model again; nobody when left out.

    Raises:
        HeadwayError: No model was trained, or none of that name.
    """
    found = _described(aws, _declared(aws, system) if package is None else package)
    arn = str(found["ModelPackageArn"])
    _execute(aws, system, {"ModelPackageArn": arn, **({} if override is None else {"Override": override})})
    return arn


def _described(aws: Aws, package: str) -> dict[str, Any]:
    sagemaker = aws.client("sagemaker")
    try:
        found: dict[str, Any] = sagemaker.describe_model_package(ModelPackageName=package)
    except sagemaker.exceptions.ClientError as error:
        raise HeadwayError(
            f"there is no model package {package}: {error.response['Error']['Message']}"
        ) from error
    return found


def _serving(records: Records) -> str | None:
    """The model package that was promoted last; None where none was."""
    promoted = (item for item in records.all() if item.status == "promoted" and item.model_package_arn)
    return next((item.model_package_arn for item in promoted), None)


def _declared(aws: Aws, system: System) -> str:
    found = declared_package(aws, system) if system.pipeline_name is not None else None
    if found is None:
        raise HeadwayError(f"{system.name} has no trained model; run `headway up`, or name a --package")
    return str(found["ModelPackageArn"])


def order(aws: Aws, system: System, what: str, by: str, why: str) -> Release:
    """Says what the release that goes on should do; answers that release.

    Args:
        aws: Clients of the stack's account.
        system: The system.
        what: pause, resume, accept or rollback.
        by: Who says so.
        why: The reason.

    Raises:
        HeadwayError: No release goes on, or somebody may not say so.
    """
    records = records_of(aws, system)
    release = moving(records)
    if release is None:
        raise HeadwayError(f"no release of {system.name} goes on; see `headway release history`")
    allowed = plan_of(aws, system).overridden_by
    if what == "accept" and by not in allowed:
        may = f"only {', '.join(allowed)} may" if allowed else "the release plan lets nobody"
        raise HeadwayError(f"{may} end a stage by hand; {by} may not. Name them in overridden_by of the plan")
    records.give_order(Order(release_id=release.release_id, what=what, by=by, why=why))
    if not _is_moved(aws, system, release):
        # Its execution was ended from outside: another one takes it over where it is.
        taken_over = {"ModelPackageArn": release.model_package_arn, "StartedAt": release.started_at}
        _execute(aws, system, taken_over)
    return release


def moving(records: Records) -> Release | None:
    """The release that moves the endpoint, else the first that waits; None where all are over."""
    going_on = [release for release in reversed(records.all()) if not release.is_over]
    # An older one may wait for a newer: who asks first goes first, and a first step may have failed.
    holder = records.holder()
    return next((release for release in going_on if release.release_id == holder), next(iter(going_on), None))


def report(aws: Aws, system: System) -> tuple[str, dict[str, Any]]:
    """What the shadow of the newest release showed, for people and for programs.

    Args:
        aws: Clients of the stack's account.
        system: The system.

    Raises:
        HeadwayError: There is no report, or not yet.
    """
    release = newest(records_of(aws, system))
    if release is None:
        raise HeadwayError(f"nothing of {system.name} was released yet; see `headway release start`")
    if not release.report:
        raise HeadwayError(
            f"the release {release.release_id} has no report: its shadow is not over, or was never reached; "
            "see `headway release status`"
        )
    found = {kind: aws.read_object(release.report.removesuffix(".md") + kind) for kind in (".md", ".json")}
    gone = [
        f"{release.report.removesuffix('.md')}{kind}" for kind, content in found.items() if content is None
    ]
    if gone:
        raise HeadwayError(f"the report is gone: there is no {' and no '.join(gone)}")
    text, document = (str(content, "utf-8") for content in found.values() if content is not None)
    return text.rstrip(), json.loads(document)


def _is_moved(aws: Aws, system: System, release: Release) -> bool:
    """Whether an execution moves a release."""
    states = aws.client("stepfunctions")
    if release.execution:
        return not abandoned([release], states)
    # An older machine does not record which execution it is.
    listed = states.list_executions(
        stateMachineArn=system.release_state_machine_arn, statusFilter="RUNNING", maxResults=1
    )
    return bool(listed["executions"])


def _execute(aws: Aws, system: System, detail: dict[str, Any]) -> None:
    if system.release_state_machine_arn is None:
        raise HeadwayError(f"{system.name} has no release machine; run `headway up` to renew the stack")
    aws.client("stepfunctions").start_execution(
        stateMachineArn=system.release_state_machine_arn, input=json.dumps({"detail": detail})
    )
