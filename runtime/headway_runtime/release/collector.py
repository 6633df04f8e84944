"""The collector: deletes what releases made and nothing needs any more."""

from collections.abc import Collection, Iterable
from typing import Any

from headway_runtime.release.catalogue import Catalogue
from headway_runtime.release.course import Status
from headway_runtime.release.records import Records
from headway_runtime.release.settings import Settings
from headway_runtime.release.shapes import SHAPES_KEPT, is_made_for, leftovers


class Collector:
    """Deletes what releases made and nothing needs any more.

    Args:
        settings: What the stack says.
        catalogue: SageMaker.
        records: The record of releases.
        appconfig: A boto3 client; only needed where there are switches.
    """

    def __init__(
        self,
        settings: Settings,
        catalogue: Catalogue,
        records: Records,
        appconfig: Any = None,  # noqa: ANN401 - boto3 has no types
    ) -> None:
        self._settings = settings
        self._catalogue = catalogue
        self._records = records
        self._appconfig = appconfig

    def after_release(self) -> list[str]:
        """Keeps what serves, what may serve next, and the last shapes that did; deletes the rest.

        Only what a record names is touched: what a running deployment has just made is in no record yet.

        Returns:
            The names of what was deleted.
        """
        releases = self._records.all()
        served = dict.fromkeys(
            release.desired for release in releases if release.status == Status.PROMOTED.value
        )
        keep = set(list(served)[:SHAPES_KEPT])
        keep |= {name for release in releases if not release.is_over for name in release.shapes}
        base = self._records.base()
        if base is not None:
            keep.add(base.config)
        endpoint = self._catalogue.endpoint(self._settings.endpoint)
        if endpoint is not None:
            keep.add(endpoint["EndpointConfigName"])
        known = {name for release in releases for name in release.shapes}
        known |= self._records.former_bases()
        there = known.intersection(self._catalogue.configs(self._settings.prefix))
        return self._delete(leftovers(self._settings.prefix, there, keep), keep)

    def when_stack_goes(self) -> list[str]:
        """Deletes everything of the system that the stack itself does not know, and no data that is kept.

        Returns:
            The names of what was deleted; nothing while the endpoint is there.
        """
        if self._catalogue.endpoint(self._settings.endpoint) is not None:
            return []
        prefix = self._settings.prefix
        deleted = self._delete(leftovers(prefix, self._catalogue.configs(prefix), ()), ())
        for name in [name for name in self._catalogue.models(prefix) if is_made_for(prefix, "model", name)]:
            self._catalogue.delete_model(name)
            deleted.append(name)
        versions = (
            [] if self._settings.keep_versions == "true" else self._catalogue.packages(self._settings.group)
        )
        for arn in list(versions):
            self._catalogue.delete_package(arn)
            deleted.append(arn)
        return [*deleted, *self._delete_switches()]

    def _delete_switches(self) -> list[str]:
        """Deletes what was added by turning switches: a profile that has versions cannot be deleted."""
        application, _, profile = self._settings.switch.partition("/")
        if not application:
            return []
        place = {"ApplicationId": application, "ConfigurationProfileId": profile}
        pages = self._appconfig.get_paginator("list_hosted_configuration_versions").paginate(**place)
        numbers = sorted(item["VersionNumber"] for page in pages for item in page["Items"])
        # The first is the stack's own.
        for number in numbers[1:]:
            self._appconfig.delete_hosted_configuration_version(**place, VersionNumber=number)
        return [f"{self._settings.switch}/{number}" for number in numbers[1:]]

    def _delete(self, configs: Iterable[str], keep: Collection[str]) -> list[str]:
        """Deletes configurations with their models, except for models that a kept configuration uses."""
        used = {model for name in keep for model in self._models_of(name)}
        deleted: list[str] = []
        for name in configs:
            models = [model for model in self._models_of(name) if model not in used]
            self._catalogue.delete_config(name)
            for model in models:
                self._catalogue.delete_model(model)
            deleted += [name, *models]
        return deleted

    def _models_of(self, config_name: str) -> list[str]:
        config = self._catalogue.config(config_name)
        variants = (
            []
            if config is None
            else [*config["ProductionVariants"], *config.get("ShadowProductionVariants", [])]
        )
        ours = (variant["ModelName"] for variant in variants)
        return [name for name in ours if is_made_for(self._settings.prefix, "model", name)]
