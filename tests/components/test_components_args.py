"""Component args: what other languages pass is coerced, what is wrong is refused, nothing given is lost."""

import ast
import importlib.util
import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi.provider.experimental.analyzer import Analyzer

import headway_components
from headway_components import (
    AISystemArgs,
    ArgsError,
    ArrivalPlan,
    DataArrival,
    DataArrivalArgs,
    Endpoint,
    EndpointArgs,
    Foundation,
    FoundationArgs,
    ModelRegistry,
    ModelRegistryArgs,
    ModelSpec,
    MonitoringContract,
    Observability,
    ObservabilityArgs,
    Release,
    ReleaseArgs,
    ReleasePlan,
    TrainingPipeline,
    TrainingPipelineArgs,
)
from headway_components._refs import EndpointRef, FoundationRef, PipelineRef, RegistryRef
from support.example_system import BASELINE, CONTRACT, DEFAULTS, DEPLOYMENT, LOCAL_IMAGE
from support.pulumi_program import ACCOUNT, REGION, Run, run_program

COMPONENTS: list[type[pulumi.ComponentResource]] = [
    value
    for name in headway_components.__all__
    if inspect.isclass(value := getattr(headway_components, name))
    and issubclass(value, pulumi.ComponentResource)
]
FOUNDATION: dict[str, Any] = {"system": "fraud", "account_id": ACCOUNT, "region": REGION}


def test_every_component_can_be_offered_to_other_languages() -> None:
    analyzed = Analyzer("headway").analyze(COMPONENTS)
    undescribed = [
        f"{name}.{field}"
        for name, component in analyzed["component_definitions"].items()
        for field, definition in {**component.inputs, **component.outputs}.items()
        if not definition.description
    ]

    assert len(COMPONENTS) == 18
    assert undescribed == []


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda component: component.__name__)
def test_every_component_is_written_the_same_way(component: type[pulumi.ComponentResource]) -> None:
    source = inspect.getsource(component)
    name = component.__name__

    assert re.search(rf"args = {name}Args\.of\(args\)", source)
    assert f'"headway:index:{name}"' in source
    assert "self.register_outputs(" in source


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda component: component.__name__)
def test_optional_args_say_what_happens_when_left_out(component: type[pulumi.ComponentResource]) -> None:
    args: Any = inspect.signature(component.__init__).parameters["args"].annotation
    source = inspect.getsource(args)
    documented = dict(re.findall(r'^    (\w+): [^\n]*\n    """(.*?)"""', source, re.DOTALL | re.MULTILINE))

    for field in args.__dataclass_fields__:
        assert field in documented
        if "None" in str(args.__dataclass_fields__[field].type):
            assert "left out" in documented[field], field


def raised(program: Callable[[], object]) -> str:
    with pytest.raises(ArgsError) as caught:
        run_program(program)
    return str(caught.value)


def with_foundation(then: Callable[[FoundationRef], object]) -> Callable[[], object]:
    return lambda: then(Foundation("fraud-foundation", FoundationArgs(**FOUNDATION)).ref)


def registry(foundation: FoundationRef) -> RegistryRef:
    return ModelRegistry("fraud-registry", ModelRegistryArgs(foundation=foundation)).ref


def endpoint(foundation: FoundationRef, **changes: Any) -> Endpoint:
    fields = {"foundation": foundation, "contract": CONTRACT, "image": LOCAL_IMAGE, **changes}
    return Endpoint("fraud-endpoint", EndpointArgs(**fields))


def pipeline(foundation: FoundationRef, **changes: Any) -> None:
    fields = {
        "foundation": foundation,
        "registry": registry(foundation),
        "contract": CONTRACT,
        "model": BASELINE,
        "image": LOCAL_IMAGE,
        **changes,
    }
    TrainingPipeline("fraud-training", TrainingPipelineArgs(**fields))


def arrival(foundation: FoundationRef, **changes: Any) -> None:
    training = PipelineRef(name="fraud-local", arn="arn:pipeline")
    fields = {"foundation": foundation, "training": training, "tables": ["payments"], **changes}
    DataArrival("fraud-arrival", DataArrivalArgs(**fields))


WRONG: list[tuple[str, Callable[[], object], list[str]]] = [
    (
        "tables",
        with_foundation(lambda foundation: arrival(foundation, tables=[f"t{n:040}" for n in range(40)])),
        ["tables are 40, which make a pattern of", "takes 2048: let fewer tables land"],
    ),
    (
        "arrivals",
        with_foundation(
            lambda foundation: arrival(
                foundation, tables=[], plan=ArrivalPlan(maximum_retrainings=0), poll_s=0
            )
        ),
        ["3 problems", "tables is empty", "maximum_retrainings is 0", "poll_s must be 1 or more, got 0"],
    ),
    (
        "account",
        lambda: Foundation("f", FoundationArgs(**{**FOUNDATION, "account_id": "12"})),
        ["account_id must be twelve digits, got '12'; quote it in YAML"],
    ),
    (
        "both",
        lambda: Foundation("f", FoundationArgs(**{**FOUNDATION, "account_id": "", "region": "Mars"})),
        ["2 problems", "account_id must be", "region must be a region's name, got 'Mars'"],
    ),
    (
        "prefix",
        lambda: Foundation("f", FoundationArgs(**{**FOUNDATION, "system": "x" * 60})),
        ["66 characters; shorten one of them to 44 in all"],
    ),
    (
        "image",
        with_foundation(lambda foundation: endpoint(foundation, image="runtime:latest")),
        ["image must be pinned by its digest, got 'runtime:latest'; write repository@sha256:"],
    ),
    (
        "instance",
        with_foundation(lambda foundation: endpoint(foundation, instance_type="m5.large", instance_count=0)),
        [
            "instance_type must be a hosting instance, got 'm5.large'",
            "instance_count must be 1 or more, got 0",
        ],
    ),
    (
        "placeholder",
        with_foundation(lambda foundation: pipeline(foundation, model=ModelSpec.placeholder())),
        ["model must be trained, got 'placeholder'; use ModelSpec.trained(...)"],
    ),
    (
        "code",
        with_foundation(lambda foundation: pipeline(foundation, code_root="/nonexistent")),
        ["names 'fraud/data.py', which is not a file in /nonexistent", "names 'fraud/features.py'"],
    ),
    (
        "poll",
        with_foundation(
            lambda foundation: Release(
                "r",
                ReleaseArgs(
                    foundation=foundation, registry=registry(foundation), contract=CONTRACT, poll_s=0
                ),
            )
        ),
        ["poll_s must be 1 or more, got 0; raise it to 1"],
    ),
    (
        "a stage shorter than its metrics",
        with_foundation(
            lambda foundation: Release(
                "r",
                ReleaseArgs(
                    foundation=foundation,
                    registry=registry(foundation),
                    contract=CONTRACT,
                    plan=ReleasePlan.load({"ladder": [1, {"percent": 100, "time_limit_s": 90}]}),
                ),
            )
        ),
        ["plan.ladder.1.time_limit_s must be 120 or more, got 90: metrics come every 60 s"],
    ),
    (
        "description",
        with_foundation(
            lambda foundation: ModelRegistry("r", ModelRegistryArgs(foundation=foundation, description=""))
        ),
        ["description must say something, got ''"],
    ),
    (
        "foreign endpoint",
        with_foundation(
            lambda foundation: Observability(
                "o",
                ObservabilityArgs(
                    foundation=foundation,
                    endpoint=EndpointRef(
                        name="other", arn="arn", variant_name="champion", base_config_name="base"
                    ),
                ),
            )
        ),
        ["endpoint must be the foundation's own, got 'other' instead of 'fraud-local'"],
    ),
]


@pytest.mark.parametrize(("program", "says"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG])
def test_wrong_args_are_refused_with_value_and_fix(program: Callable[[], object], says: list[str]) -> None:
    message = raised(program)

    for text in says:
        assert text in message


def test_a_mapping_is_coerced_as_other_languages_pass_it() -> None:
    args = AISystemArgs.of(
        {
            "spec": DEFAULTS.plain(),
            "deployment": {**DEPLOYMENT.plain(), "instance_count": 2.0},
            "code_root": None,
        }
    )

    assert args.spec == DEFAULTS
    assert args.deployment.instance_count == 2


def test_a_mapping_is_refused_with_every_problem() -> None:
    with pytest.raises(ArgsError) as caught:
        AISystemArgs.of({"specs": {}, "deployment": {"environment": "dev"}})
    message = str(caught.value)

    for text in (
        "specs: is not an argument; did you mean 'spec'?",
        "spec: is required; add it",
        "deployment.account_id: is required; add it",
        "deployment.image: is required; add it",
    ):
        assert text in message


def test_nested_refs_and_whole_numbers_are_coerced() -> None:
    ref = {"name": "n", "arn": "a"}
    args = ObservabilityArgs.of(
        {
            "foundation": {
                "system": "fraud",
                "prefix": "fraud-local",
                "account_id": ACCOUNT,
                "region": REGION,
                "partition": "aws",
                "key_arn": "k",
                **{name: {**ref, "key_arn": "k"} for name in ("data", "artifacts", "capture", "audit")},
                **{
                    f"{name}_role": ref
                    for name in ("training", "serving", "pipeline", "release", "machine", "events")
                },
                "log_retention_days": 30.0,
                "retain_data": False,
            },
            "endpoint": {"name": "fraud-local", "arn": "a", "variant_name": "c", "base_config_name": "b"},
            "monitoring": {"period_s": 120},
        }
    )

    assert isinstance(args.foundation, FoundationRef)
    assert (args.foundation.log_retention_days, args.foundation.retain_data) == (30, False)
    assert args.monitoring == MonitoringContract(period_s=120)


def test_zero_is_zero() -> None:
    """A value that happens to be false is what was declared, and never the default."""
    silent = MonitoringContract(capture_sampling_pct=0, maximum_error_rate_pct=0)

    def program(foundation: FoundationRef) -> None:
        ref = endpoint(foundation, monitoring=silent).ref
        args = ObservabilityArgs(foundation=foundation, endpoint=ref, monitoring=silent)
        Observability("fraud-observability", args)

    run: Run = run_program(with_foundation(program))
    capture = run.one("EndpointConfiguration").inputs["dataCaptureConfig"]

    assert capture["initialSamplingPercentage"] == 0
    assert run.one("MetricAlarm", "fraud-observability-errors").inputs["threshold"] == 0


@pytest.mark.parametrize(
    ("instance_type", "keyed"),
    [("ml.m5.large", True), ("ml.c6i.xlarge", True), ("ml.g5.xlarge", False), ("ml.m5d.large", False)],
)
def test_a_machine_that_encrypts_its_own_disk_gets_no_key(instance_type: str, keyed: bool) -> None:
    run = run_program(with_foundation(lambda foundation: endpoint(foundation, instance_type=instance_type)))

    assert ("kmsKeyArn" in run.one("EndpointConfiguration").inputs) is keyed


def test_outputs_are_taken_as_inputs() -> None:
    def program(foundation: FoundationRef) -> None:
        endpoint(foundation, instance_type=pulumi.Output.from_input("ml.c5.large"))

    (variant,) = (
        run_program(with_foundation(program)).one("EndpointConfiguration").inputs["productionVariants"]
    )

    assert variant["instanceType"] == "ml.c5.large"


def test_grants_give_one_role_the_least(tmp_path: Path) -> None:
    def program(foundation: FoundationRef) -> None:
        live = endpoint(foundation)
        live.grant_invoke(foundation.pipeline_role, "tests")
        versions = ModelRegistry("fraud-registry", ModelRegistryArgs(foundation=foundation))
        versions.grant_read(foundation.pipeline_role, "tests")

    run = run_program(with_foundation(program))
    (invoke,) = run.one("RolePolicy", "fraud-endpoint-invoke-tests").policies()
    (read,) = run.one("RolePolicy", "fraud-registry-read-tests").policies()

    assert [statement["Action"] for statement in invoke["Statement"]] == [["sagemaker:InvokeEndpoint"]]
    assert invoke["Statement"][0]["Resource"] == [
        f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/fraud-local"
    ]
    assert [statement["Action"] for statement in read["Statement"]] == [
        ["sagemaker:DescribeModelPackage"],
        ["sagemaker:ListModelPackages"],
    ]


@pytest.mark.parametrize("package", ["headway_components", "headway_blueprints"])
def test_nothing_given_is_replaced_because_it_is_false(package: str) -> None:
    """`given or default` turns a declared zero into the default, so `or` stands in conditions only."""
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert spec.submodule_search_locations is not None
    found = []
    for path in sorted(Path(spec.submodule_search_locations[0]).rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        tests = {
            id(inner)
            for node in ast.walk(tree)
            for condition in _conditions(node)
            for inner in ast.walk(condition)
        }
        found += [
            f"{path.name}:{node.lineno}"
            for node in ast.walk(tree)
            if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or) and id(node) not in tests
        ]

    assert found == []


def _conditions(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, ast.If | ast.IfExp | ast.While | ast.Assert):
        return [node.test]
    return list(node.ifs) if isinstance(node, ast.comprehension) else []
