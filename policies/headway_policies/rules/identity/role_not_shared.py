"""Each role has one purpose: models, jobs, functions and agents share none."""

from headway_policies.intent import Intent
from headway_policies.outcome import Finding, NotApplicable, Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, NotKnownError, Resource
from headway_policies.rule import Answers, Case, Rule
from headway_policies.stack_graph import Stack
from headway_policies.subjects.endpoints import MODEL
from headway_policies.subjects.examples import definition, example, step
from headway_policies.subjects.jobs import DATA_QUALITY, SCHEDULE, TRAINING_JOB, TUNING_JOB, Part, jobs
from headway_policies.subjects.once import once
from headway_policies.subjects.pipelines import DEFINITION, PIPELINE
from headway_policies.subjects.policies import ROLE
from headway_policies.subjects.values import plain

_FUNCTION = "aws:lambda/function:Function"
_MACHINE = "aws:sfn/stateMachine:StateMachine"
_NOTEBOOK = "aws:sagemaker/notebookInstance:NotebookInstance"
_AGENT = "aws:bedrock/agentAgent:AgentAgent"
_AGENT_RUNTIME = "aws:bedrock/agentcoreAgentRuntime:AgentcoreAgentRuntime"
_FLOW = "aws:bedrock/agentFlow:AgentFlow"
_KNOWLEDGE = "aws:bedrock/agentKnowledgeBase:AgentKnowledgeBase"
_JOBS = "jobs"
_PURPOSES = {
    MODEL: ("models", "executionRoleArn"),
    TRAINING_JOB: (_JOBS, "roleArn"),
    TUNING_JOB: (_JOBS, "trainingJobDefinition.roleArn"),
    DATA_QUALITY: (_JOBS, "roleArn"),
    SCHEDULE: (_JOBS, "monitoringScheduleConfig.monitoringJobDefinition.roleArn"),
    PIPELINE: ("pipelines", "roleArn"),
    _FUNCTION: ("functions", "role"),
    _MACHINE: ("state machines", "roleArn"),
    _NOTEBOOK: ("notebooks", "roleArn"),
    _AGENT: ("agents", "agentResourceRoleArn"),
    _AGENT_RUNTIME: ("agents", "roleArn"),
    _FLOW: ("flows", "executionRoleArn"),
    _KNOWLEDGE: ("knowledge bases", "roleArn"),
}
_ARN = "arn:aws:iam::111122223333:role/one"
_ROLE = example(ROLE, {"arn": _ARN}, "one")


def _case(title: str, *users: Resource, says: str = "", role: Resource = _ROLE) -> Case:
    return Case(title=title, resources=(role, *users), says=says)


_MODEL = example(MODEL, {"executionRoleArn": _ARN}, "model")
_JOB = example(TRAINING_JOB, {"roleArn": _ARN}, "job")
_STEPS = definition(step("Training", {"RoleArn": _ARN}, "Train"))

RULE = Rule(
    id="HEADWAY-IAM-006",
    slug="role-not-shared",
    title="Each role has one purpose: models, jobs, functions and agents share none",
    since="0.1",
    severity=Severity.MEDIUM,
    resources=(ROLE,),
    reads=tuple(_PURPOSES),
    why=(
        "A shared role may do what each of its users needs: the model that answers strangers can then read "
        "the training data, because the training job has to."
    ),
    fix="Give each model, job, pipeline, function, agent and notebook a role; `headway_components` does.",
    passes=(
        _case("a role of a model", _MODEL),
        _case("a role of an agent", example(_AGENT, {"agentResourceRoleArn": _ARN}, "agent")),
        _case("a role of two jobs", _JOB, example(TRAINING_JOB, {"roleArn": _ARN}, "again")),
        _case("a role of a job and of a pipeline's steps", _JOB, example(PIPELINE, _STEPS, "pipeline")),
    ),
    fails=(
        _case(
            "an agent and what it looks things up in",
            example(_AGENT_RUNTIME, {"roleArn": _ARN}, "agent"),
            example(_KNOWLEDGE, {"roleArn": _ARN}, "knowledge"),
            says="agents and knowledge bases",
        ),
        _case("a model and a training job", _MODEL, _JOB, says="jobs and models"),
        _case(
            "a model and the steps of a pipeline", _MODEL, example(PIPELINE, _STEPS), says="jobs and models"
        ),
        _case(
            "a pipeline and its own steps",
            example(PIPELINE, {**_STEPS, "roleArn": _ARN}),
            says="jobs and pipelines",
        ),
        _case(
            "a role that is not known yet",
            example(MODEL, {"executionRoleArn": UNKNOWN}, made_of={"executionRoleArn": _ROLE}),
            example(_FUNCTION, {"role": UNKNOWN}, made_of={"role": _ROLE}),
            says="functions and models",
        ),
    ),
    exempts=(_case("a role of nobody in the stack"),),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(
        _case(
            "a pipeline that is made of the role, whose steps are not known yet",
            _MODEL,
            example(PIPELINE, {"pipelineDefinition": UNKNOWN}, made_of={"pipelineDefinition": _ROLE}),
            says="pipelineDefinition",
        ),
    ),
    references=(
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#grant-least-privilege",
    ),
)


@RULE.check_edges
def _(resource: Resource, stack: Stack, _intent: Intent) -> Answers:
    users = once(stack, "purposes of roles", lambda: _users(stack))
    purposes = set(users.get(resource.urn, ()))
    arns, unread = once(stack, "roles of steps", lambda: _roles_of_steps(stack))
    if plain(resource.value("arn")) in arns:
        purposes.add(_JOBS)
    for pipeline in unread:
        if purposes and resource.urn in pipeline.references.get(DEFINITION, frozenset()):
            yield Undecided(path=DEFINITION, urn=pipeline.urn)
    if not purposes:
        yield NotApplicable(reason="nothing in the stack uses the role")
    if len(purposes) > 1:
        got = f"a role of {' and '.join(sorted(purposes))}"
        yield Finding(path="the role's purpose", got=got, want="one purpose")


def _users(stack: Stack) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for type_, (purpose, path) in _PURPOSES.items():
        for user in stack.of_type(type_):
            for role in stack.referenced(user, path, ROLE):
                found.setdefault(role.urn, set()).add(purpose)
    return found


def _roles_of_steps(stack: Stack) -> tuple[frozenset[str], tuple[Resource, ...]]:
    """The ARNs of the roles that steps of pipelines run as, and the pipelines that are not known yet."""
    arns: set[str] = set()
    unread = []
    for pipeline in stack.of_type(PIPELINE):
        try:
            roles = [job.value(Part.ROLE) for job in jobs(pipeline) if job.has(Part.ROLE)]
        except NotKnownError:
            unread.append(pipeline)
        else:
            arns |= {role for role in roles if isinstance(role, str)}
            unread += [pipeline] if UNKNOWN in roles else []
    return frozenset(arns), tuple(unread)
