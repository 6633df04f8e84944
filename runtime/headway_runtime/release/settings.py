"""What the stack tells the release machine."""

from collections.abc import Mapping
from dataclasses import dataclass, fields


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the stack tells the release machine, by environment variables.

    Attributes:
        system: Name of the system.
        prefix: `<system>-<stack>`, the beginning of every name.
        endpoint: Name of the endpoint.
        role_arn: Role of the models.
        group: Model package group.
        table: Table with the records.
        release_plan_parameter: Parameter of Systems Manager with the release plan.
        form: What requests and answers look like: JSON with `inputs` and `output`.
        metrics_period_s: Length of a metric's period, in seconds.
        data_bucket: Bucket in which true answers arrive later.
        audit_bucket: Bucket that evidence is written to.
        topic_arn: Topic of those who are told; empty for nobody.
        keep_versions: `true` when model packages outlive the stack.
        poll_s: Time between two looks at a release, in seconds.
        switch: `<application>/<profile>` of the switches in AppConfig; empty without any.
    """

    system: str
    prefix: str
    endpoint: str
    role_arn: str
    group: str
    table: str
    release_plan_parameter: str
    form: str
    metrics_period_s: str
    data_bucket: str
    audit_bucket: str
    topic_arn: str
    keep_versions: str
    poll_s: str
    switch: str

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> "Settings":
        """The settings in environment variables, `HEADWAY_` and the field's name in capitals.

        Raises:
            KeyError: One is missing.
        """
        return cls(**{field.name: environment[variable(field.name)] for field in fields(cls)})


def variable(field: str) -> str:
    """The environment variable of a field."""
    return f"HEADWAY_{field.upper()}"
