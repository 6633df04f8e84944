"""Defaults of the components, each with its reason."""

KEY_DELETION_WINDOW_DAYS = 30
"""The longest that KMS allows: a key deleted by mistake can be called back for a month."""
KEY_ROTATION_PERIOD_DAYS = 365
"""Yearly, what compliance frameworks ask for."""

NONCURRENT_VERSION_DAYS = 90
"""A quarter to find out that an object was overwritten by mistake."""
CAPTURE_EXPIRATION_DAYS = 90
"""Captured requests hold users' data, so they do not outlive their use for monitoring."""
PERSONAL_CAPTURE_EXPIRATION_DAYS = 21
PERSONAL_VERSION_DAYS = 7
"""Together within the month in which a person who asks to be forgotten has to be answered."""
SET_ASIDE_DAYS = 7
"""A week to look at bad data before only the quarantine has it."""
INCOMPLETE_UPLOAD_DAYS = 7
"""Parts of an upload that nobody finished cost money and show nowhere."""

AUDIT_LOCK_DAYS = 365
"""Evidence outlives the year that an audit looks back on."""

LOG_RETENTION_DAYS = 365
"""A year, what auditors ask for."""

INSTANCE_TYPE = "ml.m5.large"
"""The smallest machine that SageMaker hosts models on without bursting."""
INSTANCE_COUNT = 1
"""One instance; environments with users ask for more."""
REQUESTS_PER_MACHINE_PER_MINUTE = 6_000
"""A hundred a second: a tree model answers more than ten times as many on the smallest machine."""
SCALE_OUT_COOLDOWN_S = 60
"""Load comes fast."""
SCALE_IN_COOLDOWN_S = 600
"""A machine that goes too early is missed for the minutes that the next one needs to start."""
VARIANT_NAME = "champion"
"""The variant that answers users; every shape of an endpoint has it."""

RELEASE_POLL_S = 15
"""An endpoint update takes minutes on AWS."""
RELEASE_TIMEOUT_S = 60
"""Long enough for the collector to delete what a system's releases made."""
RELEASE_MEMORY_MIB = 256
"""boto3 needs about 100 MiB."""
MONITOR_TIMEOUT_S = 300
"""Long enough to list the files of two days of heavy traffic."""
ARRIVAL_POLL_S = 300
"""A training takes from minutes to hours, and a machine may look at most some thousand times."""
LAMBDA_RUNTIME = "python3.13"
"""The newest Python that Lambda runs."""

UNTAGGED_IMAGE_DAYS = 30
"""An image without a tag was pushed over; what runs is found by its tag or kept by the count."""
BUDGET_WARNING_PCT = 80
"""Early enough to do something before the month is over."""
