"""ModelRegistry: the versions of a system's model, each with its evidence and its approval."""

from collections.abc import Iterator
from dataclasses import dataclass

import pulumi
from pulumi_aws import iam, sagemaker

from headway_components._args import Args
from headway_components._arns import model_package_arns
from headway_components._grants import Statement, grant
from headway_components._refs import FoundationRef, RegistryRef, RoleRef

REGISTER = ("sagemaker:CreateModelPackage", "sagemaker:DescribeModelPackageGroup", "sagemaker:AddTags")
READ = ("sagemaker:DescribeModelPackage", "sagemaker:ListModelPackages")
COLLECT = ("sagemaker:DeleteModelPackage",)


@dataclass(frozen=True, kw_only=True)
class ModelRegistryArgs(Args):
    """Arguments of a ModelRegistry."""

    foundation: FoundationRef
    """What the registry builds on."""
    description: pulumi.Input[str] | None = None
    """What the models are for, for people; the system's name when left out."""

    def problems(self) -> Iterator[str]:
        """What is wrong with the description."""
        if isinstance(self.description, str) and not self.description:
            yield "description must say something, got ''; leave it out or write what the models are for"


class ModelRegistry(pulumi.ComponentResource):
    """The versions of a system's model."""

    group_name: pulumi.Output[str]
    """Name of the model package group."""
    group_arn: pulumi.Output[str]
    """ARN of the model package group."""

    def __init__(
        self, name: str, args: ModelRegistryArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        args = ModelRegistryArgs.of(args)
        super().__init__("headway:index:ModelRegistry", name, {}, opts)
        foundation = args.foundation
        group = sagemaker.ModelPackageGroup(
            name,
            model_package_group_name=foundation.prefix,
            model_package_group_description=(
                f"Models of {foundation.prefix}" if args.description is None else args.description
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self._name = name
        self._packages = model_package_arns(foundation)
        self.group_name = group.model_package_group_name
        self.group_arn = group.arn
        self.ref = RegistryRef(group_name=foundation.prefix, group_arn=group.arn)
        self.register_outputs({"groupName": self.group_name, "groupArn": self.group_arn})

    def grant_register(self, role: RoleRef, name: str) -> iam.RolePolicy:
        """Lets a role add versions.

        Args:
            role: Role that registers.
            name: What the role is for, one word; part of the grant's name.
        """
        return self._grant(role, f"register-{name}", "Register", REGISTER)

    def grant_read(self, role: RoleRef, name: str) -> iam.RolePolicy:
        """Lets a role read versions.

        Args:
            role: Role that reads.
            name: What the role is for, one word; part of the grant's name.
        """
        return self._grant(role, f"read-{name}", "Read", READ)

    def grant_collect(self, role: RoleRef, name: str) -> iam.RolePolicy:
        """Lets a role read and delete versions.

        Args:
            role: Role that cleans up when the system goes.
            name: What the role is for, one word; part of the grant's name.
        """
        return self._grant(role, f"collect-{name}", "Collect", (*READ, *COLLECT))

    def _grant(self, role: RoleRef, noun: str, sid: str, actions: tuple[str, ...]) -> iam.RolePolicy:
        statement = Statement(sid=sid, actions=actions, resources=[self.group_arn, self._packages])
        return grant(f"{self._name}-{noun}", role, [statement], parent=self)
