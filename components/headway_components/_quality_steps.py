"""The steps around the data: what a job is given to hold it to its contract, and what stops the pipeline."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from headway_components._job_channels import job_input, job_output
from headway_components.data_contract import DataContract
from headway_components.data_quality import QUARANTINE, SET_ASIDE
from headway_components.pipeline_definition import (
    EXECUTION_ID,
    Channel,
    FailStep,
    GateStep,
    Machine,
    ProcessingStep,
    Step,
    Value,
    join,
)
from headway_runtime import contract as runtime

_VERDICT = "Quality"
_QUALITY = "quality"


@dataclass(frozen=True, kw_only=True)
class QualityPlan:
    """How data is held to its contract, with every reference resolved."""

    contracts: Sequence[DataContract]
    """What the tables must be like."""
    contracts_key: str
    """Prefix of the uploaded contracts in the artifacts bucket."""
    as_of: Value
    """ISO date that the age of rows is taken at."""
    artifacts_bucket: str
    """Bucket of the contracts."""
    data_bucket: str
    """Bucket of the data."""
    prefix: str
    """`<system>-<stack>`."""
    machine: Machine
    """What the quarantine's job runs on, as whom, and the key of the quarantine."""

    @property
    def lands(self) -> bool:
        """Whether batches of any table land."""
        return any(contract.landing for contract in self.contracts)

    def flags(self) -> list[Value]:
        """Further arguments of a job that holds data to its contract."""
        return ["--as-of", self.as_of]

    def inputs(self) -> list[Channel]:
        """The contracts, as every job that holds data to them gets them."""
        return [
            job_input(runtime.CHANNEL_DATA_CONTRACTS, f"s3://{self.artifacts_bucket}/{self.contracts_key}")
        ]

    def arriving(self, ingest: ProcessingStep) -> ProcessingStep:
        """The step that ingests, with contracts, the last good version, and what has landed."""
        place = f"s3://{self.data_bucket}/{self.prefix}"
        inputs = [*self.inputs(), job_input(runtime.CHANNEL_GOOD, f"{place}/{runtime.CHANNEL_GOOD}")]
        if self.lands:
            inputs.append(job_input(runtime.CHANNEL_LANDING, f"{place}/{runtime.CHANNEL_LANDING}"))
        outputs = [
            job_output(_QUALITY, join(place, "executions", EXECUTION_ID, _QUALITY)),
            job_output(SET_ASIDE, join(place, SET_ASIDE, EXECUTION_ID)),
            job_output(runtime.CHANNEL_GOOD, f"{place}/{runtime.CHANNEL_GOOD}"),
        ]
        return replace(
            ingest,
            flags=[*ingest.flags, *self.flags()],
            inputs=[*ingest.inputs, *inputs],
            outputs=[*ingest.outputs, *outputs],
            property_files={_VERDICT: (_QUALITY, runtime.QUALITY_FILE)},
        )

    def guarded(self, ingest: ProcessingStep, steps: Sequence[Step]) -> list[Step]:
        """The steps after the ingestion, which run only with good data; bad data is kept before all ends."""
        place = f"s3://{self.data_bucket}/{self.prefix}"
        quarantine = ProcessingStep(
            name="Quarantine",
            machine=self.machine,
            entrypoint=("python", "-m", "headway_runtime"),
            flags=["quarantine"],
            inputs=[job_input(SET_ASIDE, join(place, SET_ASIDE, EXECUTION_ID))],
            outputs=[job_output(QUARANTINE, join(place, QUARANTINE, EXECUTION_ID))],
        )
        refused = FailStep(
            name="Refused",
            # What is wrong with the data is kept before the execution ends.
            after=[quarantine.name],
            message="The data is refused; the exit message of step Ingest says why.",
        )
        return [
            _gate("SetAside", ingest, "set_aside", if_true=[quarantine], if_false=[]),
            _gate("DataQuality", ingest, "passed", if_true=steps, if_false=[refused]),
        ]


def _gate(
    name: str, ingest: ProcessingStep, path: str, *, if_true: Sequence[Step], if_false: Sequence[Step]
) -> GateStep:
    return GateStep(
        name=name,
        after=[ingest.name],
        judge=ingest.name,
        property_file=_VERDICT,
        path=path,
        if_true=if_true,
        if_false=if_false,
    )
