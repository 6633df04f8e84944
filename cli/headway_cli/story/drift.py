"""The story of a drift: the world changes, the monitor sees it, a new model earns its way to the users."""

import json
import tempfile
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from headway_cli.aws import Aws
from headway_cli.errors import HeadwayError
from headway_cli.narration import Narrator
from headway_cli.release import PROMOTED, read_release, wait_for_release
from headway_cli.story.playing import Window, look_now, play_period
from headway_cli.story.rows import as_csv, between, read_rows
from headway_cli.systems import System
from headway_cli.traffic import Played, Row, playing
from headway_cli.training import follow
from headway_runtime.archive import unpack
from headway_runtime.contract import LABEL_COLUMN, Contract
from headway_runtime.evaluate.metrics import log_loss, log_loss_difference
from headway_runtime.models.model import Model, load_model

FOLLOWING_D = 28
"""Days after the newest known outcome on which the two models are compared."""
STARTED_WITHIN_S = 180.0
DRIFT = "drift"
_POLL_S = 0.5


@dataclass(frozen=True)
class Period:
    """One period that is played: a name for people, its first day and the day after its last."""

    name: str
    first: date
    last: date


@dataclass
class Told:
    """What happened, for people as sentences and for programs as figures."""

    sentences: list[str] = field(default_factory=list)
    periods: list[dict[str, Any]] = field(default_factory=list)
    training: dict[str, Any] = field(default_factory=dict)
    release: dict[str, Any] = field(default_factory=dict)
    following: dict[str, Any] = field(default_factory=dict)


class DriftStory:
    """Tells the story on a system that serves the model that its stack declares.

    Args:
        aws: Clients of the sandbox.
        system: The system.
        code: Directory of the system's code.
        narrator: Told what goes on.
        every: Each so many-th row is played.
    """

    def __init__(self, aws: Aws, system: System, code: Path, narrator: Narrator, every: int = 1) -> None:
        self._aws = aws
        self._system = system
        self._code = code
        self._narrator = narrator
        self._every = every
        self._told = Told()

    def tell(self, control: Period, played: tuple[Period, ...]) -> Told:
        """Play a control period and the periods in which the world changes; follow what the system does.

        Args:
            control: A period before the training cut, in which nothing shall ring.
            played: The periods after it.

        Raises:
            HeadwayError: Something does not happen that should, or happens that should not.
        """
        champion = self._package(self._serving())
        learned = champion["CustomerMetadataProperties"].get("train_until", "")
        if date.fromisoformat(learned) > played[0].first:
            raise HeadwayError(
                f"the model that answers has learned from rows until {learned}, so the story is over; "
                "`headway down` and `headway sandbox reset` let it begin again"
            )
        self._say(f"The model that answers has learned from what happened before {learned}.")
        following = timedelta(days=FOLLOWING_D)
        table = self._rows(control.first, played[-1].last + following)
        with self._narrator.step("Looking at what was captured before"):
            look_now(self._aws, self._system)
        quiet = self._play(control, table)
        if quiet["lasting"] or quiet["retraining_wanted"]:
            raise HeadwayError(f"the control period is not quiet: {quiet['sentence']}")
        trained_before = self._executions()
        for period in played:
            window = self._play(period, table)
        if not window["retraining_wanted"]:
            raise HeadwayError(f"no training was asked for: {window['why']} ({window['sentence']})")
        execution = self._await_training(trained_before)
        package = self._train(execution)
        known = date.fromisoformat(self._told.training["evaluate_until"])
        later = between(table, known, known + following)
        self._release(package, later)
        self._compare(champion, self._package(package), later, known)
        return self._told

    def _rows(self, first: date, last: date) -> pa.Table:
        definition = json.loads(
            self._aws.client("sagemaker").describe_pipeline(PipelineName=self._system.pipeline_name)[
                "PipelineDefinition"
            ]
        )
        training = _functions(definition)
        contract = Contract.from_document(self._system.contract)
        with self._narrator.step(f"Reading what happened from {first} to {last}"):
            return read_rows(self._code, training, contract, first, last, every=self._every)

    def _play(self, period: Period, table: pa.Table) -> dict[str, Any]:
        rows = between(table, period.first, period.last)
        with self._narrator.step(f"Playing {rows.num_rows:,} rows of {period.name}, then their labels"):
            window: Window = play_period(self._aws, self._system, rows)
        result = window.result
        share = float(np.mean(rows[LABEL_COLUMN].to_numpy()))
        self._told.periods.append(
            {
                "name": period.name,
                "rows": rows.num_rows,
                "positives": share,
                "sentence": result["sentence"],
                "drifting": result["drifting"],
                "lasting": result["lasting"],
                "measures": result["quality"]["measures"],
                "retraining_wanted": result["retraining_wanted"],
                "why": result["why"],
                "report": result["report_uri"],
            }
        )
        heard = "The monitor is quiet" if not result["drifting"] else "The monitor speaks"
        self._say(
            f"{period.name}: {rows.num_rows:,} rows, {share:.1%} positive. {heard}: {result['sentence']}."
        )
        if result["retraining_wanted"]:
            self._say(f"It asks for a training, because {result['why']}.")
        return result

    def _executions(self) -> set[str]:
        listed = self._aws.client("sagemaker").list_pipeline_executions(
            PipelineName=self._system.pipeline_name
        )
        return {item["PipelineExecutionArn"] for item in listed["PipelineExecutionSummaries"]}

    def _await_training(self, before: set[str]) -> str:
        """The execution that the alarm has started through EventBridge."""
        deadline = time.monotonic() + STARTED_WITHIN_S
        with self._narrator.step("Waiting for the alarm to start a training"):
            while not (found := self._executions() - before):
                if time.monotonic() > deadline:
                    raise HeadwayError(
                        f"the alarm {self._system.monitor_alarm_name} has started no training within "
                        f"{STARTED_WITHIN_S:g} s; `headway monitor run` asks again, "
                        "`headway monitor status` and `headway sandbox logs` say what happened"
                    )
                time.sleep(_POLL_S)
        return found.pop()

    def _train(self, execution: str) -> str:
        training = follow(self._aws, self._system, execution, self._narrator)
        run = execution.rsplit("/", 1)[-1]
        plan = self._document(f"evaluations/{run}/plan/plan.json")
        decision = self._document(f"evaluations/{run}/decision.json")
        self._told.training = {**plan, "execution": execution, "decision": decision}
        self._say(
            f"The alarm rang, and its event started training {run} (started by {plan['started_by']}): "
            f"{plan['cuts']}; it learned from what happened before {plan['train_until']}."
        )
        self._say(f"Its judge: {'; '.join(decision['reasons'])}.")
        if plan["started_by"] != DRIFT:
            raise HeadwayError(f"the training was started by {plan['started_by']}, not by {DRIFT}")
        if training.model_package_arn is None or not training.is_approved:
            raise HeadwayError(f"the training gave no approved model: {training.reason}")
        return training.model_package_arn

    def _release(self, package: str, later: pa.Table) -> None:
        inputs = [item["name"] for item in self._system.contract["inputs"]]
        lines = [Row(line) for line in as_csv(later, inputs).decode("utf-8").splitlines()]
        users: AbstractContextManager[Played] = playing(self._aws, self._system, lines)
        with users as asked:
            release = wait_for_release(self._aws, self._system, package, self._narrator)
        if release is None or release.status != PROMOTED:
            status = "nothing" if release is None else f"{release.status}: {release.why}"
            raise HeadwayError(f"the release machine recorded {status}")
        self._told.release = {**asdict(release), "answered": asked.answered, "failed": asked.failed}
        self._say(
            f"The release machine took it from shadow to all users and promoted it ({release.why}); "
            f"{asked.answered:,} requests were answered meanwhile, {asked.failed} failed."
        )

    def _compare(
        self, champion: Mapping[str, Any], promoted: Mapping[str, Any], later: pa.Table, known: date
    ) -> None:
        labels = later[LABEL_COLUMN].to_numpy().astype(np.float64)
        before, after = (_scores(self._model(package), later) for package in (champion, promoted))
        gain = log_loss_difference(labels, after, before)
        old, new = log_loss(labels, before).value, log_loss(labels, after).value
        better = "better" if gain.value < 0 else "not better"
        self._told.following = {
            "first": known.isoformat(),
            "days": FOLLOWING_D,
            "rows": later.num_rows,
            "log_loss_before": old,
            "log_loss_after": new,
            "difference": gain.value,
            "standard_deviation": gain.standard_deviation,
        }
        self._say(
            f"On the {FOLLOWING_D} days from {known}, which neither has seen ({later.num_rows:,} rows), the "
            f"log loss is {new:.4f}; the model before would have had {old:.4f}. The new one is {better}: "
            f"{gain.value:+.4f} ± {2 * gain.standard_deviation:.4f} a row."
        )

    def _serving(self) -> str:
        release = read_release(self._aws, self._system)
        if release is None or not release.model_package_arn:
            raise HeadwayError(f"{self._system.name} serves no trained model; run `headway up`")
        return release.model_package_arn

    def _package(self, arn: str) -> dict[str, Any]:
        return dict(self._aws.client("sagemaker").describe_model_package(ModelPackageName=arn))

    def _document(self, key: str) -> dict[str, Any]:
        uri = f"s3://{self._system.artifacts_bucket}/{key}"
        content = self._aws.read_object(uri)
        if content is None:
            raise HeadwayError(f"there is no {uri}; the training did not write what it should")
        return dict(json.loads(content))

    def _model(self, package: Mapping[str, Any]) -> Model:
        uri = package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"]
        content = self._aws.read_object(uri)
        if content is None:
            raise HeadwayError(f"the model is gone: there is no {uri}")
        with tempfile.NamedTemporaryFile(suffix=".tar.gz") as file:
            file.write(content)
            file.flush()
            return load_model(unpack(Path(file.name)))

    def _say(self, text: str) -> None:
        self._narrator.say(text)
        self._told.sentences.append(text)


def _scores(model: Model, table: pa.Table) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    columns = {name: table[name].to_pylist() for name in model.contract.input_names}
    return np.asarray(model.predict(columns, table.num_rows), np.float64)


def _functions(definition: object) -> dict[str, str]:
    """The functions that make the rows, as the steps of a pipeline's definition are told them."""
    found: dict[str, str] = {}
    if isinstance(definition, dict):
        for value in definition.values():
            found |= _functions(value)
    elif isinstance(definition, list):
        for flag, name in _FLAGS.items():
            if flag in definition:
                found[name] = str(definition[definition.index(flag) + 1])
        for value in definition:
            found |= _functions(value)
    return found


_FLAGS = {"--source": "ingest", "--features": "features"}
