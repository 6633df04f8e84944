"""ModelRegistry: the versions of a system's model, each with its evidence and its approval."""

from collections.abc import Iterator
from dataclasses import dataclass

import pulumi
from pulumi_aws import iam, sagemaker

from headway_components._args import Args
from headway_components._arns import sagemaker_arn
from headway_components._grants import LIST_MODELS, READ_MODELS, REGISTER_MODELS, Statement, grant, use_models
from headway_components._refs import FoundationRef, RegistryRef, RoleRef


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
            # Versions with their evidence are data, and the group cannot go without them.
            opts=pulumi.ResourceOptions(
                parent=self, protect=foundation.retain_data, retain_on_delete=foundation.retain_data
            ),
        )
        self._name = name
        self.group_name = group.model_package_group_name
        self.group_arn = group.arn
        self.ref = RegistryRef(
            group_name=foundation.prefix,
            group_arn=group.arn,
            version_arns=sagemaker_arn(foundation, "model-package", f"{foundation.prefix}/*"),
        )
        self.register_outputs({"groupName": self.group_name, "groupArn": self.group_arn})

    def grant_register(self, role: RoleRef, name: str) -> iam.RolePolicy:
        """Lets a role add versions.

        Args:
            role: Role that registers.
            name: What the role is for, one word; part of the grant's name.
        """
        register = use_models(self.ref, *REGISTER_MODELS, sid="Register")
        return grant(f"{self._name}-register-{name}", role, [register], parent=self)

    def grant_read(self, role: RoleRef, name: str) -> iam.RolePolicy:
        """Lets a role read versions.

        Args:
            role: Role that reads.
            name: What the role is for, one word; part of the grant's name.
        """
        read = use_models(self.ref, *READ_MODELS, sid="Read")
        listed = Statement(sid="List", actions=LIST_MODELS, resources=["*"])
        return grant(f"{self._name}-read-{name}", role, [read, listed], parent=self)
