"""Schedules: what a component starts again and again."""

import pulumi
from pulumi_aws import iam, scheduler


def schedule(
    name: str,
    *,
    every: int,
    unit: str,
    target_arn: pulumi.Input[str],
    role_arn: pulumi.Input[str],
    key_arn: pulumi.Input[str],
    permission: iam.RolePolicy,
    parent: pulumi.Resource,
    parameter: tuple[str, str] | None = None,
) -> scheduler.Schedule:
    """Starts something at a fixed rate.

    Args:
        name: Logical name of the schedule.
        every: How many units lie between two starts.
        unit: minute, hour or day.
        target_arn: What is started: a function, or a SageMaker pipeline.
        role_arn: Role that starts it.
        key_arn: Key that the schedule is encrypted with.
        permission: What lets the role start it; the schedule waits for it.
        parent: The component that it belongs to.
        parameter: Name and value of the pipeline's parameter; none when left out.
    """
    parameters = scheduler.ScheduleTargetSagemakerPipelineParametersPipelineParameterArgs
    given = (
        None
        if parameter is None
        else scheduler.ScheduleTargetSagemakerPipelineParametersArgs(
            pipeline_parameters=[parameters(name=parameter[0], value=parameter[1])]
        )
    )
    return scheduler.Schedule(
        name,
        schedule_expression=f"rate({every} {unit if every == 1 else f'{unit}s'})",
        schedule_expression_timezone="UTC",
        flexible_time_window=scheduler.ScheduleFlexibleTimeWindowArgs(mode="OFF"),
        kms_key_arn=key_arn,
        target=scheduler.ScheduleTargetArgs(
            arn=target_arn, role_arn=role_arn, sagemaker_pipeline_parameters=given
        ),
        opts=pulumi.ResourceOptions(parent=parent, depends_on=[permission]),
    )
