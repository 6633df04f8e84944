"""Writes the file of a new rule of a team's own."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from headway_cli.errors import HeadwayError, WrongUseError
from headway_cli.gate.rulebooks import POLICIES, project_root
from headway_policies.settings import FILE_NAME

_ID: Final = re.compile(r"[A-Z][A-Z0-9]*-[A-Z]{2,4}-\d{3}")
_TYPE: Final = re.compile(r"[\w-]+:[\w-]+/[\w-]+:\w+")
_FOLDER: Final = "rules"

_TEMPLATE: Final = '''"""{title}."""

from headway_policies.intent import Intent
from headway_policies.outcome import Finding, Outcome, Severity
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Case, Rule

_TYPE = {type}


def _case(title: str, says: str = "", **properties: object) -> Case:
    return Case(title=title, resources=(Resource(type=_TYPE, properties=properties),), says=says)


RULE = Rule(
    id={id},
    slug={slug},
    title={title_text},
    since="0.1",
    severity=Severity.MEDIUM,
    resources=(_TYPE,),
    why="Say what goes wrong where it is broken.",
    fix="Say what to change.",
    passes=(_case("a description", description="what it is for"), _case("one letter", description="x")),
    fails=(_case("none", says="description is nothing"), _case("an empty one", description="")),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(_case("a description that another resource makes", description=UNKNOWN),),
)


@RULE.check
def _(resource: Resource, intent: Intent) -> Answers:
    # Put your own check here. `text` raises for a value that is not known yet: the rule is then undecided.
    description = resource.text("description")
    if not description:
        yield Finding(path="description", got=description, want="a text")
'''


@dataclass(frozen=True, kw_only=True)
class Written:
    """A file that was written.

    Args:
        path: The file.
        said: What a person should know.
    """

    path: Path
    said: str


def write_rule(rule_id: str, title: str, resource_type: str, folder: Path | None) -> Written:
    """Writes the file of a new rule.

    Raises:
        WrongUseError: An argument is not what it should be.
        HeadwayError: The file is there already.
    """
    problems = []
    if not _ID.fullmatch(rule_id) or rule_id.startswith("HEADWAY-"):
        problems.append(
            f"the id is {rule_id!r}, want your team's name, a family and a number, like ACME-NET-001"
        )
    if not _TYPE.fullmatch(resource_type):
        problems.append(f"the type is {resource_type!r}, want a type token, like aws:s3/bucket:Bucket")
    slug = "-".join(re.findall(r"[a-z0-9]+", title.lower()))
    if slug.count("-") < 1:
        problems.append(f"the title is {title!r}, want a promise in several words")
    root = project_root(Path.cwd())
    if folder is None and root is None:
        problems.append("there is no Pulumi.yaml here or above; go to a project, or pass --folder")
    if problems:
        raise WrongUseError("\n".join(problems))
    target = folder if folder is not None else Path(str(root)) / POLICIES / _FOLDER
    path = target / f"{slug.replace('-', '_')}.py"
    if path.exists():
        raise HeadwayError(f"{path} is there already; choose another title, or edit it")
    target.mkdir(parents=True, exist_ok=True)
    text = _TEMPLATE.format(
        title=title.replace("\\", "").replace('"', "'"),
        id=json.dumps(rule_id),
        slug=json.dumps(slug),
        title_text=json.dumps(title),
        type=json.dumps(resource_type),
    )
    path.write_text(text, "utf-8")
    said = (
        f"wrote {path}\n"
        f'Loaded by the gate and the pack once policies/{FILE_NAME} says: rules = ["{target.name}"]\n'
        f"See it with: headway explain {rule_id}\n"
    )
    return Written(path=path, said=said)
