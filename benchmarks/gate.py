"""The gate beside Checkov and cfn-lint, on the same resources in one run: `python benchmarks/gate.py`.

The other two are installed from PyPI into an environment of their own in the user's cache, once. Every tool
is started as a command, so its whole start counts, but not the compiling of its source, which Python does
once after an installation. The gate reads an exported state, the other two read a CloudFormation template of
the same buckets, keys, roles, models and endpoint configurations.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from headway_policies.costs import load_prices
from headway_policies.framework_map import load_frameworks
from headway_policies.intent import PRODUCTION
from headway_policies.lanes import Base
from headway_policies.registry import all_rules
from headway_policies.settings import GateSettings
from headway_policies.state_file import read_state
from headway_policies.verdict import Moment, Rulebook, Subject, assess

PEERS = ("checkov==3.3.30", "cfn-lint==1.58.0")
SIZES = (500, 5_000)
RUNS = 5
KEY_ARN = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
DOCUMENT = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}
IMAGE = "111122223333.dkr.ecr.us-east-1.amazonaws.com/train@sha256:" + "0" * 64


def declared(count: int) -> Iterator[tuple[str, str, dict[str, Any], str, dict[str, Any]]]:
    """Pulumi's type, the name, its inputs; CloudFormation's type, its properties."""
    for position in range(count):
        name = f"r{position}"
        role = f"arn:aws:iam::111122223333:role/{name}"
        variant = {
            "modelName": name,
            "variantName": "a",
            "instanceType": "ml.m5.large",
            "initialInstanceCount": 2,
        }
        yield (
            ("aws:s3/bucket:Bucket", name, {"bucket": name}, "AWS::S3::Bucket", {"BucketName": name}),
            (
                *("aws:kms/key:Key", name, {"enableKeyRotation": True}),
                *("AWS::KMS::Key", {"EnableKeyRotation": True, "KeyPolicy": DOCUMENT}),
            ),
            (
                *("aws:iam/role:Role", name, {"name": name, "assumeRolePolicy": json.dumps(DOCUMENT)}),
                *("AWS::IAM::Role", {"RoleName": name, "AssumeRolePolicyDocument": DOCUMENT}),
            ),
            (
                "aws:sagemaker/model:Model",
                name,
                {"name": name, "executionRoleArn": role, "primaryContainer": {"image": IMAGE}},
                "AWS::SageMaker::Model",
                {"ModelName": name, "ExecutionRoleArn": role, "PrimaryContainer": {"Image": IMAGE}},
            ),
            (
                "aws:sagemaker/endpointConfiguration:EndpointConfiguration",
                name,
                {"name": name, "kmsKeyArn": KEY_ARN, "productionVariants": [variant]},
                "AWS::SageMaker::EndpointConfig",
                {
                    "KmsKeyId": KEY_ARN,
                    "ProductionVariants": [
                        {
                            "ModelName": name,
                            "VariantName": "a",
                            "InstanceType": "ml.m5.large",
                            "InitialInstanceCount": 2,
                            "InitialVariantWeight": 1,
                        }
                    ],
                },
            ),
        )[position % 5]


def state(count: int) -> str:
    """The resources as an exported state."""
    resources = [
        {
            "urn": f"urn:pulumi:prod::bench::{type_}::{name}",
            "type": type_,
            "custom": True,
            "id": name,
            "inputs": inputs,
            "outputs": inputs,
        }
        for type_, name, inputs, _, _ in declared(count)
    ]
    return json.dumps({"version": 3, "deployment": {"manifest": {}, "resources": resources}})


def template(count: int) -> str:
    """The resources as a CloudFormation template."""
    resources = {
        name.capitalize(): {"Type": kind, "Properties": properties}
        for _, name, _, kind, properties in declared(count)
    }
    return json.dumps({"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources})


def peers() -> Path:
    """The folder with the programs of the other tools, which are installed once."""
    cache = Path(os.environ.get("HEADWAY_CACHE") or Path.home() / ".cache" / "headway")
    folder = cache / "benchmarks" / "gate"
    done = folder / ".installed"
    if not done.is_file() or done.read_text() != "\n".join(PEERS):
        print(f"installing {' and '.join(PEERS)} into {folder} (once)", file=sys.stderr)
        venv.create(folder, with_pip=True, clear=True)
        pip = [
            str(folder / "bin" / "python"),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ]
        subprocess.run([*pip, *PEERS], check=True)
        done.write_text("\n".join(PEERS))
    return folder / "bin"


@dataclass(frozen=True)
class Cost:
    """What a command took: the medians of seconds on the clock and of the processor, and the most memory."""

    clock_s: float
    processor_s: float
    memory_mb: float | None = None


def run(command: Sequence[str], folder: Path, runs: int) -> Cost:
    """What a command takes, its own processes only, after one run that compiles it."""
    clock, processor, memory = [], [], []
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(folder / "compiled")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    streams: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run(command, cwd=folder, env=environment, check=False, **streams)
    for _ in range(runs):
        started = time.perf_counter()
        child = subprocess.Popen(command, cwd=folder, env=environment, **streams)
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        clock.append(time.perf_counter() - started)
        processor.append(used.ru_utime + used.ru_stime)
        memory.append(used.ru_maxrss / 1024)
    return Cost(statistics.median(clock), statistics.median(processor), max(memory))


def in_process(text: str, runs: int) -> Cost:
    """What judging takes once everything is loaded."""
    resources = read_state(text).resources
    rulebook = Rulebook(
        rules=all_rules(), frameworks=load_frameworks(), settings=GateSettings(), prices=load_prices()
    )
    subject = Subject(stack="prod", resources=resources, intent=PRODUCTION, moment=Moment.STATE)
    clock, processor = [], []
    for _ in range(runs):
        started, used = time.perf_counter(), time.process_time()
        assess(subject, rulebook, Base(), date(2026, 1, 1))
        clock.append(time.perf_counter() - started)
        processor.append(time.process_time() - used)
    return Cost(statistics.median(clock), statistics.median(processor))


def main() -> None:
    """Prints the table."""
    bin_folder = peers()
    own = str(Path(sys.executable).parent / "headway")
    rows: list[tuple[str, Cost]] = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for count in SIZES:
            text = state(count)
            (folder / "state.json").write_text(text)
            judge = [own, "gate", "--state", "state.json", "--format", "json"]
            rows.append((f"headway gate, {count} resources, in process", in_process(text, RUNS)))
            rows.append((f"headway gate, {count} resources, cold", run(judge, folder, RUNS)))
        (folder / "template.json").write_text(template(SIZES[0]))
        lint = [str(bin_folder / "cfn-lint"), "--format", "json", "template.json"]
        scan = [str(bin_folder / "checkov"), "--quiet", "--compact", "-f", "template.json", "-o", "json"]
        rows.append((f"cfn-lint, {SIZES[0]} resources, cold", run(lint, folder, 1)))
        rows.append((f"checkov, {SIZES[0]} resources, cold", run(scan, folder, 1)))
    base = next(cost for name, cost in rows if name.endswith(f"{SIZES[0]} resources, cold"))
    print(f"| {'what':44} | clock s | processor s |  MB | times the gate |")
    print(f"| {'-' * 44} | ------- | ----------- | --- | -------------- |")
    for name, cost in rows:
        memory = "" if cost.memory_mb is None else f"{cost.memory_mb:.0f}"
        ratio = cost.processor_s / base.processor_s
        print(f"| {name:44} | {cost.clock_s:7.3f} | {cost.processor_s:11.3f} | {memory:>3} | {ratio:14.1f} |")


if __name__ == "__main__":
    main()
