"""The tags that say whose a resource is, put on everything that can have them."""

from typing import Any

import pulumi

from headway_components.deployment import Deployment


def tagged(
    opts: pulumi.ResourceOptions | None, deployment: Deployment, *, system: str | None = None
) -> pulumi.ResourceOptions:
    """Options that give a resource and all its children their tags.

    Args:
        opts: Options to add to.
        deployment: The environment.
        system: Name of the system; none for what several systems share.
    """
    frameworks = sorted(item.value for item in deployment.frameworks)
    known = {
        "headway:system": system,
        "headway:environment": deployment.environment,
        "headway:data-classification": deployment.data_classification.value,
        "headway:owner": deployment.owner,
        "headway:cost-center": deployment.cost_center,
        "headway:personal-data": "true" if deployment.personal_data else None,
        # A tag holds no comma.
        "headway:frameworks": " ".join(frameworks) if frameworks else None,
    }
    tags = {name: value for name, value in known.items() if value is not None}

    def tag(resource: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
        # Provider resources list all their inputs, given or not, so the key says that tags can be had.
        if "tags" not in resource.props:
            return None
        given: Any = resource.props["tags"]
        props = {**resource.props, "tags": tags if given is None else {**tags, **given}}
        return pulumi.ResourceTransformationResult(props, resource.opts)

    return pulumi.ResourceOptions.merge(pulumi.ResourceOptions(transformations=[tag]), opts)
