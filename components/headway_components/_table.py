"""Tables of what a system keeps, encrypted with its key, recoverable, and kept with its data."""

from collections.abc import Sequence

import pulumi
from pulumi_aws import dynamodb

from headway_components._refs import FoundationRef


def table(
    name: str,
    foundation: FoundationRef,
    parent: pulumi.Resource,
    *,
    keys: Sequence[str],
    expires_at: str | None = None,
) -> dynamodb.Table:
    """A table of a system whose keys are texts.

    Args:
        name: Logical name of the table.
        foundation: Says by which key it is encrypted and whether data is kept.
        parent: The component that it belongs to.
        keys: Attribute that says where an item lies, and the one that sorts it there where there is one.
        expires_at: Attribute with the time at which an item goes; items stay when left out.
    """
    kept = foundation.retain_data
    return dynamodb.Table(
        name,
        billing_mode="PAY_PER_REQUEST",
        hash_key=keys[0],
        range_key=keys[1] if len(keys) > 1 else None,
        attributes=[dynamodb.TableAttributeArgs(name=key, type="S") for key in keys],
        ttl=None if expires_at is None else dynamodb.TableTtlArgs(enabled=True, attribute_name=expires_at),
        server_side_encryption=dynamodb.TableServerSideEncryptionArgs(
            enabled=True, kms_key_arn=foundation.key_arn
        ),
        point_in_time_recovery=dynamodb.TablePointInTimeRecoveryArgs(enabled=True),
        deletion_protection_enabled=kept,
        opts=pulumi.ResourceOptions(parent=parent, protect=kept, retain_on_delete=kept),
    )
