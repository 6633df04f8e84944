"""What the stack tells the function."""

from collections.abc import Mapping
from dataclasses import dataclass, fields


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the stack tells the function, by environment variables.

    Attributes:
        variant: Variant whose traffic is compared.
        capture_bucket: Bucket of captured traffic.
        capture_prefix: Beginning of the keys of captured traffic, without a slash at its end.
        data_bucket: Bucket of the datasets.
        data_prefix: Beginning of the keys of what the training pipeline has made, without a slash at its end.
        work_bucket: Bucket of what the function writes.
        work_prefix: Beginning of the keys of what it writes, without a slash at its end.
        delay_s: Time in which history comes to know what was asked about, in seconds.
    """

    variant: str
    capture_bucket: str
    capture_prefix: str
    data_bucket: str
    data_prefix: str
    work_bucket: str
    work_prefix: str
    delay_s: str

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> "Settings":
        """The settings in environment variables, `HEADWAY_` and the field's name in capitals.

        Raises:
            KeyError: One is missing.
        """
        return cls(**{field.name: environment[f"HEADWAY_{field.name.upper()}"] for field in fields(cls)})
