"""What `pulumi new` asks about a Python project's runtime options."""

from collections.abc import Mapping

from pulumi.runtime.proto import language_pb2

_DESCRIPTIONS = {
    "toolchain": "The toolchain to use for installing dependencies and running the program",
    "virtualenv": "The virtualenv to use",
}
_ONLY_CHOICE = {"toolchain": "pip", "virtualenv": "venv"}


def option_prompts(chosen: Mapping[str, object]) -> language_pb2.RuntimeOptionsResponse:
    """The question that comes next: the toolchain, then the virtual environment for pip.

    Args:
        chosen: Options that the project has.

    Returns:
        The protocol's response; without prompts when nothing is open.
    """
    if "toolchain" not in chosen:
        return language_pb2.RuntimeOptionsResponse(prompts=[_prompt("toolchain")])
    if chosen["toolchain"] == "pip" and "virtualenv" not in chosen:
        return language_pb2.RuntimeOptionsResponse(prompts=[_prompt("virtualenv")])
    return language_pb2.RuntimeOptionsResponse()


def _prompt(key: str) -> language_pb2.RuntimeOptionPrompt:
    text = language_pb2.RuntimeOptionPrompt.STRING
    value = language_pb2.RuntimeOptionPrompt.RuntimeOptionValue(
        promptType=text, stringValue=_ONLY_CHOICE[key], displayName=_ONLY_CHOICE[key]
    )
    return language_pb2.RuntimeOptionPrompt(
        key=key, description=_DESCRIPTIONS[key], promptType=text, choices=[value], default=value
    )
