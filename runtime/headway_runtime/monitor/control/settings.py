"""What the stack tells the monitor's function."""

from collections.abc import Mapping
from dataclasses import dataclass, fields


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the stack tells the function, by environment variables.

    Attributes:
        system: Name of the system.
        variant: Variant whose traffic is watched.
        capture_bucket: Bucket of captured traffic.
        capture_prefix: Beginning of the keys of captured traffic, without a slash at its end.
        work_bucket: Bucket of what the monitor reads and writes.
        work_prefix: Beginning of the keys of what the monitor reads and writes, without a slash at its end.
        training_pipeline: Name of the pipeline that retrains.
        label_prefix: Beginning of the keys of labels in the work bucket, without a slash at its end.
        cool_down_s: Time after a training in which drift starts none, in seconds.
        maximum_retrainings: Trainings that drift may start in thirty days.
    """

    system: str
    variant: str
    capture_bucket: str
    capture_prefix: str
    work_bucket: str
    work_prefix: str
    training_pipeline: str
    label_prefix: str
    cool_down_s: str
    maximum_retrainings: str

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> "Settings":
        """The settings in environment variables, `HEADWAY_` and the field's name in capitals.

        Raises:
            KeyError: One is missing.
        """
        return cls(**{field.name: environment[f"HEADWAY_{field.name.upper()}"] for field in fields(cls)})
