"""AppConfig: applications, environments, profiles with their versions, and deployments of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from headway_sandbox.provider.table import Autoname, Call, Fold, Read, ResourceType, Step, Tagging
from headway_sandbox.provider.values import Properties

_ABSENT = frozenset({"ResourceNotFoundException"})
_APPLICATION_ARN = "arn:{partition}:appconfig:{region}:{account}:application"
_TAGS = Tagging("TagResource", "UntagResource", identity={"ResourceArn": "arn"}, read="ListTagsForResource")
_IN_APPLICATION = {"ApplicationId": "applicationId"}


def _cleared(*lists: str) -> Fold:
    """A fold that sends an empty description and empty lists for what the program drops."""

    def fold(inputs: Properties) -> Properties:
        empty: Properties = {"description": "", **{name: [] for name in lists}}
        return {**empty, **{name: value for name, value in inputs.items() if value is not None}}

    return fold


APPLICATION = ResourceType(
    pulumi_type="aws:appconfig/application:Application",
    service="appconfig",
    id=("id",),
    id_member="Id",
    identity={"ApplicationId": "id"},
    create=Call("CreateApplication"),
    reads=(Read("GetApplication", absent=_ABSENT),),
    listing=Read("ListApplications", at="Items", where={"Id": "id"}),
    steps=(Step((), Call("UpdateApplication", fold=_cleared()), on_create=False),),
    delete=(Call("DeleteApplication"),),
    tagging=_TAGS,
    derived={"arn": f"{_APPLICATION_ARN}/{{id}}"},
    autoname=Autoname(max_length=64),
)

ENVIRONMENT = ResourceType(
    pulumi_type="aws:appconfig/environment:Environment",
    service="appconfig",
    id=("environmentId", "applicationId"),
    identity={**_IN_APPLICATION, "EnvironmentId": "environmentId"},
    create=Call("CreateEnvironment"),
    reads=(Read("GetEnvironment", absent=_ABSENT),),
    listing=Read("ListEnvironments", at="Items", where={"Id": "environmentId"}, identity=_IN_APPLICATION),
    steps=(Step((), Call("UpdateEnvironment", fold=_cleared("monitors")), on_create=False),),
    delete=(Call("DeleteEnvironment"),),
    renames={"environmentId": "Id"},
    tagging=_TAGS,
    force_new=frozenset({"applicationId"}),
    sets=frozenset({"monitors"}),
    derived={"arn": f"{_APPLICATION_ARN}/{{applicationId}}/environment/{{environmentId}}"},
    autoname=Autoname(max_length=64),
)

CONFIGURATION_PROFILE = ResourceType(
    pulumi_type="aws:appconfig/configurationProfile:ConfigurationProfile",
    service="appconfig",
    id=("configurationProfileId", "applicationId"),
    identity={**_IN_APPLICATION, "ConfigurationProfileId": "configurationProfileId"},
    create=Call("CreateConfigurationProfile"),
    reads=(Read("GetConfigurationProfile", absent=_ABSENT),),
    listing=Read(
        "ListConfigurationProfiles",
        at="Items",
        where={"Id": "configurationProfileId"},
        identity=_IN_APPLICATION,
    ),
    steps=(Step((), Call("UpdateConfigurationProfile", fold=_cleared("validators")), on_create=False),),
    delete=(Call("DeleteConfigurationProfile"),),
    renames={"configurationProfileId": "Id"},
    tagging=_TAGS,
    force_new=frozenset({"applicationId", "locationUri", "type"}),
    defaults={"type": "AWS.Freeform"},
    sets=frozenset({"validators"}),
    derived={"arn": f"{_APPLICATION_ARN}/{{applicationId}}/configurationprofile/{{configurationProfileId}}"},
    autoname=Autoname(max_length=128),
)


def _numbered(names: tuple[str, str, str]) -> Callable[[str], Properties]:
    """Splits an id whose last part is a number."""

    def parse(resource_id: str) -> Properties:
        first, second, number = resource_id.split("/", 2)
        return {names[0]: first, names[1]: second, names[2]: int(number) if number.isdigit() else number}

    return parse


_VERSION = ("applicationId", "configurationProfileId", "versionNumber")

HOSTED_CONFIGURATION_VERSION = ResourceType(
    pulumi_type="aws:appconfig/hostedConfigurationVersion:HostedConfigurationVersion",
    service="appconfig",
    id=_VERSION,
    id_separator="/",
    identity={
        **_IN_APPLICATION,
        "ConfigurationProfileId": "configurationProfileId",
        "VersionNumber": "versionNumber",
    },
    create=Call("CreateHostedConfigurationVersion"),
    reads=(Read("GetHostedConfigurationVersion", absent=_ABSENT),),
    listing=Read(
        "ListHostedConfigurationVersions",
        at="Items",
        where={"VersionNumber": "versionNumber"},
        identity={**_IN_APPLICATION, "ConfigurationProfileId": "configurationProfileId"},
    ),
    delete=(Call("DeleteHostedConfigurationVersion"),),
    immutable=True,
    derived={
        "arn": f"{_APPLICATION_ARN}/{{applicationId}}/configurationprofile/{{configurationProfileId}}"
        "/hostedconfigurationversion/{versionNumber}"
    },
    parse_id=_numbered(_VERSION),
)

DEPLOYMENT_STRATEGY = ResourceType(
    pulumi_type="aws:appconfig/deploymentStrategy:DeploymentStrategy",
    service="appconfig",
    id=("id",),
    id_member="Id",
    identity={"DeploymentStrategyId": "id"},
    create=Call("CreateDeploymentStrategy"),
    reads=(Read("GetDeploymentStrategy", absent=_ABSENT),),
    listing=Read(
        "ListDeploymentStrategies",
        at="Items",
        where={"Id": "id"},
        match=lambda strategy: not strategy["Id"].startswith("AppConfig."),
    ),
    steps=(Step((), Call("UpdateDeploymentStrategy", fold=_cleared()), on_create=False),),
    delete=(Call("DeleteDeploymentStrategy"),),
    tagging=_TAGS,
    force_new=frozenset({"name", "replicateTo"}),
    defaults={"growthType": "LINEAR"},
    derived={"arn": "arn:{partition}:appconfig:{region}:{account}:deploymentstrategy/{id}"},
    autoname=Autoname(max_length=64),
)

_DEPLOYMENT = ("applicationId", "environmentId", "deploymentNumber")

DEPLOYMENT = ResourceType(
    pulumi_type="aws:appconfig/deployment:Deployment",
    service="appconfig",
    id=_DEPLOYMENT,
    id_separator="/",
    identity={
        **_IN_APPLICATION,
        "EnvironmentId": "environmentId",
        "DeploymentNumber": "deploymentNumber",
    },
    # Another deployment to the same environment has to end first.
    create=Call("StartDeployment", retry=frozenset({"ConflictException"})),
    reads=(Read("GetDeployment", absent=_ABSENT),),
    listing=Read(
        "ListDeployments",
        at="Items",
        where={"DeploymentNumber": "deploymentNumber"},
        identity={**_IN_APPLICATION, "EnvironmentId": "environmentId"},
    ),
    # StartDeployment of the sandbox does not keep the tags that it gets.
    tagging=replace(_TAGS, on_create=True),
    immutable=True,
    computed=frozenset({"kmsKeyIdentifier"}),
    derived={
        "arn": f"{_APPLICATION_ARN}/{{applicationId}}/environment/{{environmentId}}"
        "/deployment/{deploymentNumber}"
    },
    parse_id=_numbered(_DEPLOYMENT),
)

TYPES = (
    APPLICATION,
    ENVIRONMENT,
    CONFIGURATION_PROFILE,
    HOSTED_CONFIGURATION_VERSION,
    DEPLOYMENT_STRATEGY,
    DEPLOYMENT,
)
