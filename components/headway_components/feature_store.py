"""FeatureStore: feature contracts as groups of records, the newest one online and all of them offline."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_aws import iam, sagemaker

from headway_components._args import Args
from headway_components._arns import sagemaker_arn
from headway_components._grants import ENCRYPT, Statement, account_role, grant, read, service_role, write
from headway_components._refs import BucketRef, FoundationRef, RoleRef
from headway_components._text import suffixed
from headway_components.feature import FieldType
from headway_components.feature_contract import FeatureContract, FeatureServing

MAXIMUM_NAME_CHARACTERS = 64
"""What SageMaker allows in the name of a feature group."""

READ_RECORDS = ("sagemaker:BatchGetRecord", "sagemaker:DescribeFeatureGroup", "sagemaker:GetRecord")
WRITE_RECORDS = ("sagemaker:DeleteRecord", "sagemaker:DescribeFeatureGroup", "sagemaker:PutRecord")
ERASE_RECORDS = ("sagemaker:DeleteRecord", "sagemaker:DescribeFeatureGroup", "sagemaker:GetRecord")
ERASE_OBJECTS = (
    *("s3:DeleteObject", "s3:DeleteObjectVersion", "s3:GetObjectLegalHold", "s3:GetObjectRetention"),
    *("s3:GetObjectTagging", "s3:PutObjectTagging"),
)
"""What stands in the way of a deletion is looked at, and tags stay on what is written again."""
ERASE_BUCKET = ("s3:GetBucketObjectLockConfiguration", "s3:ListBucketVersions")
ERASE_SESSION = "headway-erase"
"""Session that `headway erase` assumes the role in, as the trail shows it."""
_CATALOG = ("catalog", "database/sagemaker_featurestore", "table/sagemaker_featurestore/*")
_TYPES = {FieldType.STRING: "String", FieldType.INTEGER: "Integral", FieldType.NUMBER: "Fractional"}
_UNITS_S = {"Weeks": 604_800, "Days": 86_400, "Hours": 3_600, "Minutes": 60, "Seconds": 1}
_BETWEEN_PURPOSES = " / "
"""A tag holds no comma."""


@dataclass(frozen=True, kw_only=True)
class FeatureStoreArgs(Args):
    """Arguments of a FeatureStore."""

    foundation: FoundationRef
    """What the store builds on; it has a bucket for features."""
    contracts: Sequence[FeatureContract]
    """The contracts whose values are stored, versions beside each other."""

    def problems(self) -> Iterator[str]:
        """What is wrong with the contracts and their names."""
        if self.foundation.features is None:
            yield "foundation has no bucket for features; give its arguments feature_store=True"
        if not self.contracts:
            yield "contracts is empty; name at least one, or leave the store out"
        for contract in self.contracts:
            if contract.served is not FeatureServing.STORED:
                yield f"contracts has {contract.label}, which is computed on request; declare it as stored"
            name = group_name(self.foundation, contract)
            if len(name) > MAXIMUM_NAME_CHARACTERS:
                yield (
                    f"contracts has {contract.label}, whose group would be called {name!r}, {len(name)} "
                    f"characters; shorten a name so that there are {MAXIMUM_NAME_CHARACTERS}"
                )


class FeatureStore(pulumi.ComponentResource):
    """Feature contracts as groups of records: the newest record of an entity online, all of them offline."""

    group_names: dict[str, str]
    """Name of each feature group, by `<name>-v<version>` of its contract."""
    offline_uris: dict[str, pulumi.Output[str | None]]
    """Where the records of each group lie offline, by `<name>-v<version>` of its contract."""
    eraser_role_arn: pulumi.Input[str] | None
    """Role that takes a person out of the store; None where no feature speaks of people."""

    def __init__(self, name: str, args: FeatureStoreArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = FeatureStoreArgs.of(args)
        super().__init__("headway:index:FeatureStore", name, {}, opts)
        self._name, self._foundation = name, args.foundation
        assert args.foundation.features is not None
        self._bucket: BucketRef = args.foundation.features
        role = service_role(
            f"{name}-role",
            service="sagemaker.amazonaws.com",
            account_id=args.foundation.account_id,
            description=f"Assumed for the feature store of {args.foundation.system}",
            parent=self,
        )
        writes = grant(f"{name}-offline", role, self._offline_statements(), parent=self)
        groups = {contract.label: self._group(contract, role, writes) for contract in args.contracts}
        self.group_names = {item.label: group_name(args.foundation, item) for item in args.contracts}
        self.offline_uris = {label: _offline_uri(group) for label, group in groups.items()}
        about_people = [contract.label for contract in args.contracts if contract.personal()]
        self.eraser_role_arn = self._eraser(about_people).arn if about_people else None
        self.register_outputs({"groupNames": self.group_names, "offlineUris": self.offline_uris})

    def grant_read(self, role: RoleRef, name: str, *contracts: FeatureContract) -> iam.RolePolicy:
        """Lets a role read the records of some groups, online and offline.

        Args:
            role: Role of the consumer.
            name: Who the consumer is, one word; part of the grant's name.
            contracts: What it may read; each of them is in this store.
        """
        labels = [contract.label for contract in contracts]
        statements = [
            Statement(sid="Records", actions=READ_RECORDS, resources=self._group_arns(labels)),
            *read(self._bucket, *(f"{label}/" for label in labels), sid="History"),
        ]
        return grant(f"{self._name}-read-{name}", role, statements, parent=self)

    def grant_write(self, role: RoleRef, name: str, *contracts: FeatureContract) -> iam.RolePolicy:
        """Lets a role write and delete records of some groups.

        Args:
            role: Role of the producer.
            name: Who the producer is, one word; part of the grant's name.
            contracts: What it may write; each of them is in this store.
        """
        labels = [contract.label for contract in contracts]
        statements = [
            Statement(sid="Records", actions=WRITE_RECORDS, resources=self._group_arns(labels)),
            Statement(sid="Encrypt", actions=ENCRYPT, resources=[self._bucket.key_arn]),
        ]
        return grant(f"{self._name}-write-{name}", role, statements, parent=self)

    def _eraser(self, labels: Sequence[str]) -> RoleRef:
        """The role that `headway erase` assumes, so that nobody else needs to delete what the store keeps."""
        name, foundation, bucket = self._name, self._foundation, self._bucket
        role = account_role(
            f"{name}-eraser-role",
            account_arn=f"arn:{foundation.partition}:iam::{foundation.account_id}:root",
            session=ERASE_SESSION,
            description=f"Assumed to erase people from the feature store of {foundation.system}",
            parent=self,
        )
        history = [suffixed(bucket.arn, f"/{label}/*") for label in labels]
        statements = [
            Statement(sid="Records", actions=ERASE_RECORDS, resources=self._group_arns(labels)),
            *read(bucket, *(f"{label}/" for label in labels), sid="History"),
            *write(bucket, *(f"{label}/" for label in labels), sid="History"),
            Statement(sid="Erase", actions=ERASE_OBJECTS, resources=history),
            Statement(sid="Versions", actions=ERASE_BUCKET, resources=[bucket.arn]),
        ]
        grant(f"{name}-erase", role, statements, parent=self)
        return role

    def _group(
        self, contract: FeatureContract, role: RoleRef, writes: iam.RolePolicy
    ) -> sagemaker.FeatureGroup:
        key_arn = self._bucket.key_arn
        return sagemaker.FeatureGroup(
            f"{self._name}-{contract.label}",
            feature_group_name=group_name(self._foundation, contract),
            # A group is replaced when it is described otherwise. So another meaning under the same version is
            # a replacement, which the engine refuses where the data is kept.
            description=f"{contract.label} {contract.digest()}",
            record_identifier_feature_name=contract.entity[0],
            event_time_feature_name=contract.event_time,
            feature_definitions=_definitions(contract),
            role_arn=role.arn,
            online_store_config=sagemaker.FeatureGroupOnlineStoreConfigArgs(
                enable_online_store=True,
                security_config=sagemaker.FeatureGroupOnlineStoreConfigSecurityConfigArgs(kms_key_id=key_arn),
                ttl_duration=_ttl(contract),
            ),
            offline_store_config=sagemaker.FeatureGroupOfflineStoreConfigArgs(
                s3_storage_config=sagemaker.FeatureGroupOfflineStoreConfigS3StorageConfigArgs(
                    s3_uri=_place(self._bucket, contract), kms_key_id=key_arn
                )
            ),
            tags=_tags(contract),
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[writes],
                protect=self._foundation.retain_data,
                retain_on_delete=self._foundation.retain_data,
                delete_before_replace=True,
            ),
        )

    def _group_arns(self, labels: Sequence[str]) -> list[str]:
        names = [self.group_names[label] for label in labels]
        return [sagemaker_arn(self._foundation, "feature-group", name) for name in names]

    def _offline_statements(self) -> list[Statement]:
        """What SageMaker needs to write offline.

        Source: SageMaker developer guide, AmazonSageMakerFeatureStoreAccess, narrowed to the store's own.
        """
        foundation, bucket = self._foundation, self._bucket
        place = f"arn:{foundation.partition}:glue:{foundation.region}:{foundation.account_id}"
        return [
            Statement(sid="Look", actions=("s3:GetBucketAcl",), resources=[bucket.arn]),
            Statement(
                sid="Write",
                actions=("s3:PutObject", "s3:PutObjectAcl"),
                resources=[suffixed(bucket.arn, "/*")],
            ),
            Statement(sid="Encrypt", actions=ENCRYPT, resources=[bucket.key_arn]),
            Statement(
                sid="Catalog",
                actions=("glue:GetTable", "glue:UpdateTable"),
                resources=[f"{place}:{item}" for item in _CATALOG],
            ),
        ]


def group_name(foundation: FoundationRef, contract: FeatureContract) -> str:
    """`<system>-<stack>-<name>-v<version>`, the name of the feature group of a contract."""
    return f"{foundation.prefix}-{contract.label}"


def _place(bucket: BucketRef, contract: FeatureContract) -> pulumi.Output[str]:
    return pulumi.Output.concat("s3://", bucket.name, f"/{contract.label}")


def _offline_uri(group: sagemaker.FeatureGroup) -> pulumi.Output[str | None]:
    def resolved(config: Any) -> str | None:  # noqa: ANN401 - an output type of the provider
        return None if config is None else config.s3_storage_config.resolved_output_s3_uri

    uri: pulumi.Output[str | None] = group.offline_store_config.apply(resolved)
    return uri


def _definitions(contract: FeatureContract) -> list[sagemaker.FeatureGroupFeatureDefinitionArgs]:
    types = {
        contract.entity[0]: "String",
        contract.event_time: "Fractional",
        **{feature.name: _TYPES[feature.type] for feature in contract.features},
    }
    return [
        sagemaker.FeatureGroupFeatureDefinitionArgs(feature_name=name, feature_type=kind)
        for name, kind in types.items()
    ]


def _ttl(contract: FeatureContract) -> sagemaker.FeatureGroupOnlineStoreConfigTtlDurationArgs | None:
    if contract.ttl_s is None:
        return None
    unit, length_s = next((unit, s) for unit, s in _UNITS_S.items() if contract.ttl_s % s == 0)
    return sagemaker.FeatureGroupOnlineStoreConfigTtlDurationArgs(unit=unit, value=contract.ttl_s // length_s)


def _tags(contract: FeatureContract) -> Mapping[str, str]:
    retention_d = contract.retention_d()
    known = {
        "headway:feature-contract": contract.label,
        "headway:owner": contract.owner,
        "headway:personal-data": "true" if contract.personal() else None,
        "headway:purpose": _BETWEEN_PURPOSES.join(contract.purposes()) if contract.personal() else None,
        "headway:retention-days": None if retention_d is None else str(retention_d),
    }
    return {name: value for name, value in known.items() if value is not None}
