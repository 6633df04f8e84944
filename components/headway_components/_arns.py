"""ARNs of things that are made outside the stack, by pipelines and by the release machine."""

from headway_components._refs import FoundationRef


def sagemaker_arn(foundation: FoundationRef, kind: str, name: str) -> str:
    """ARN of something of SageMaker; the name may end in a wildcard.

    Args:
        foundation: Says where the system is.
        kind: Kind of the thing, such as `endpoint-config`.
        name: Name of the thing.
    """
    place = f"{foundation.region}:{foundation.account_id}"
    return f"arn:{foundation.partition}:sagemaker:{place}:{kind}/{name}"


def log_group_arn(foundation: FoundationRef, name: str) -> str:
    """The streams of a log group that AWS makes; the name may end in a wildcard."""
    return f"arn:{foundation.partition}:logs:{foundation.region}:{foundation.account_id}:log-group:{name}:*"


def parameter_arn(foundation: FoundationRef, name: str) -> str:
    """ARN of a parameter of Systems Manager whose name begins with a slash."""
    return f"arn:{foundation.partition}:ssm:{foundation.region}:{foundation.account_id}:parameter{name}"


def appconfig_arn(foundation: FoundationRef, path: str) -> str:
    """ARN of something of AppConfig; the path may end in a wildcard."""
    place = f"{foundation.region}:{foundation.account_id}"
    return f"arn:{foundation.partition}:appconfig:{place}:{path}"
