"""Runs a Pulumi program, a policy pack or a plugin inside the interpreter that belongs to it.

The language host starts this file as a script, with the program's own interpreter, which need not have
Headway installed: it imports the standard library and `pulumi`, nothing else. Usage:

    python -u executor.py MODE SETTINGS [ARGUMENT ...]

MODE is `program`, `policy-pack`, `plugin-directory` or `plugin-package`; SETTINGS is a JSON object.
Configuration may hold secrets, so it comes through the environment (`PULUMI_CONFIG`), as the official host
passes it.
"""

# Nothing of this file's directory may shadow what the program imports.
import sys

if __name__ == "__main__":
    sys.path.pop(0)

import asyncio
import functools
import importlib.abc
import json
import logging
import os
import runpy
import signal
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Callable, Dict, List  # noqa: UP035  (old interpreters run this file too)

SHOWN = 32
"""Exit status that tells the host that the person has been told what went wrong."""

_NOT_INSTALLED = """
It looks like the Pulumi SDK has not been installed. Have you run pip install?
If you are running in a virtualenv, you must run pip install -r requirements.txt from inside it.
"""


def die_with_host(pipe: int) -> None:
    """Kill this process group as soon as the host is gone, however it went.

    Args:
        pipe: Reading end of a pipe whose only writing end the host holds.
    """
    os.set_inheritable(pipe, False)

    def watch() -> None:
        os.read(pipe, 1)
        os.killpg(os.getpgrp(), signal.SIGKILL)

    threading.Thread(target=watch, name="watch-host", daemon=True).start()


def user_traceback(error: BaseException, program: str) -> str:
    """Format an exception without the frames of Pulumi and of this file that lie above the program.

    Args:
        error: The exception.
        program: Path of the program: a file, or a directory with `__main__.py`.

    Returns:
        The text; of an error in compiling the program only the place and the message are left.
    """
    main = os.path.realpath(_main_file(program))
    frames = traceback.extract_tb(error.__traceback__)
    first = next((i for i, frame in enumerate(frames) if os.path.realpath(frame.filename) == main), None)
    if first is not None:
        return "".join(
            traceback.format_exception(type(error), error, error.__traceback__, limit=first - len(frames))
        )
    if isinstance(error, SyntaxError) and os.path.realpath(error.filename or "") == main:
        return "".join(traceback.format_exception_only(type(error), error))
    return "".join(traceback.format_exception(type(error), error, error.__traceback__))


def _main_file(program: str) -> Path:
    path = Path(program)
    return path / "__main__.py" if path.is_dir() else path


def run_program(settings: Dict[str, Any], arguments: List[str]) -> int:  # noqa: UP006
    """Run a program against the engine's resource monitor.

    Args:
        settings: What the engine's Run request says, without configuration.
        arguments: Arguments for the program.

    Returns:
        Exit status: 0, 1 when the program raised RunError, SHOWN after any other exception.
    """
    try:
        import pulumi  # noqa: PLC0415
        import pulumi.runtime  # noqa: PLC0415
    except ImportError:
        sys.stderr.write(traceback.format_exc() + _NOT_INSTALLED)
        return 1
    program = settings["program"]
    pulumi.runtime.set_all_config(
        pulumi.runtime.get_config_env(), pulumi.runtime.get_config_secret_keys_env()
    )
    pulumi.runtime.configure(
        pulumi.runtime.Settings(
            monitor=settings["monitor"],
            engine=settings["engine"],
            project=settings["project"],
            stack=settings["stack"],
            parallel=settings["parallel"],
            dry_run=settings["dry_run"],
            organization=settings["organization"],
            root_directory=settings["root_directory"],
        )
    )
    os.chdir(settings["directory"])
    if not _main_file(program).exists():
        pulumi.log.error(f"unable to find main python program `__main__.py` in `{program}`")
        return SHOWN
    sys.argv = [program, *arguments]

    def program_main() -> None:
        runpy.run_path(program, run_name="__main__")

    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    pool = ThreadPoolExecutor(max_workers=max(settings["parallel"], 1) * 4)
    loop.set_default_executor(pool)
    # A failed deployment leaves futures that nobody awaits; asyncio's complaints about them help nobody.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    try:
        loop.run_until_complete(pulumi.runtime.run_in_stack(program_main))
    except pulumi.RunError as error:
        pulumi.log.error(str(error))
        return 1
    except Exception as error:  # noqa: BLE001  (whatever the program raises is shown to its author)
        pulumi.log.error("Program failed with an unhandled exception:\n" + user_traceback(error, program))
        return SHOWN
    finally:
        pool.shutdown(wait=True)
        loop.close()
    return 0


class WhenImported(importlib.abc.MetaPathFinder):
    """Calls a function right after a module is imported.

    Args:
        name: Full name of the module.
        action: Is called with the module.
    """

    def __init__(self, name: str, action: Callable[[Any], None]) -> None:
        self._name = name
        self._action = action

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> Any:  # noqa: ANN401
        """Let the other finders find the module, and have the action follow its execution."""
        if fullname != self._name:
            return None
        others = (finder for finder in sys.meta_path if finder is not self)
        spec = next(filter(None, (finder.find_spec(fullname, path, target) for finder in others)), None)
        if spec is None or spec.loader is None:
            return spec
        execute = spec.loader.exec_module

        def execute_and_act(module: Any) -> None:  # noqa: ANN401
            execute(module)
            self._action(module)

        setattr(spec.loader, "exec_module", execute_and_act)  # noqa: B010  (a method, to type checkers)
        return spec


def run_policy_pack(settings: Dict[str, Any], arguments: List[str]) -> int:  # noqa: UP006
    """Serve the policies of a directory, as the `pulumi.policy` module does.

    The SDK is set up when the pack imports it: a pack that answers the engine itself need not wait for it.

    Args:
        settings: `directory` of the pack.
        arguments: Arguments of the engine; the first is its address.

    Returns:
        Exit status; a pack exits the process itself when its server ends.
    """
    directory = settings["directory"]
    sys.meta_path.insert(0, WhenImported("pulumi_policy.policy", _show_stack_to_policies))
    sys.argv = [directory, arguments[0], directory, *arguments[1:]]
    try:
        runpy.run_path(directory, run_name="__main__")
    except Exception as error:  # noqa: BLE001  (whatever the pack raises is shown to its author)
        sys.stderr.write(
            "error: Program failed with an unhandled exception:\n" + user_traceback(error, directory)
        )
        if isinstance(error, ModuleNotFoundError) and error.name in {"pulumi", "pulumi_policy"}:
            sys.stderr.write(
                f"\nThe policy pack {directory} needs the pulumi-policy package in the environment of "
                f"{sys.executable}; install it there.\n"
            )
        return 1
    return 0


def _show_stack_to_policies(sdk: Any) -> None:  # noqa: ANN401
    """Give policies the stack's name and configuration, which the SDK's servicer gets and drops.

    Settings live in context variables and requests are served by threads, so every thread sets them once.
    """
    import pulumi.runtime  # noqa: PLC0415

    servicer = sdk._PolicyAnalyzerServicer  # noqa: SLF001
    configured: Dict[str, Any] = {}  # noqa: UP006
    thread = threading.local()

    def remember(request: Any) -> None:  # noqa: ANN401
        organization = request.organization or "organization"
        os.environ.update(
            PULUMI_PROJECT=request.project,
            PULUMI_STACK=request.stack,
            PULUMI_ORGANIZATION=organization,
            PULUMI_DRY_RUN="true" if request.dry_run else "false",
            PULUMI_CONFIG=json.dumps(dict(request.config)),
            PULUMI_CONFIG_SECRET_KEYS=json.dumps(list(request.config_secret_keys)),
        )
        configured.update(
            project=request.project, stack=request.stack, dry_run=request.dry_run, organization=organization
        )

    def apply() -> None:
        if configured and not hasattr(thread, "done"):
            pulumi.runtime.configure(pulumi.runtime.Settings(**configured))
            pulumi.runtime.set_all_config(
                pulumi.runtime.get_config_env(), pulumi.runtime.get_config_secret_keys_env()
            )
            thread.done = True

    def with_settings(method: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(method)
        def call(self: Any, request: Any, context: Any) -> Any:  # noqa: ANN401
            if method.__name__ == "ConfigureStack":
                remember(request)
            apply()
            return method(self, request, context)

        return call

    for name in ("ConfigureStack", "Analyze", "AnalyzeStack", "Remediate"):
        method = getattr(servicer, name, None)
        if method is not None:
            setattr(servicer, name, with_settings(method))


def run_plugin_directory(settings: Dict[str, Any], arguments: List[str]) -> int:  # noqa: UP006
    """Run the `__main__.py` of a plugin's directory."""
    sys.argv = [settings["directory"], *arguments]
    runpy.run_path(settings["directory"], run_name="__main__")
    return 0


def run_plugin_package(settings: Dict[str, Any], arguments: List[str]) -> int:  # noqa: UP006
    """Run a plugin that is an installed distribution, through the SDK's own entry point for these."""
    sys.argv = ["pulumi.run.plugin", settings["distribution"], *arguments]
    runpy.run_module("pulumi.run.plugin", run_name="__main__", alter_sys=True)
    return 0


MODES: Dict[str, Callable[[Dict[str, Any], List[str]], int]] = {  # noqa: UP006
    "program": run_program,
    "policy-pack": run_policy_pack,
    "plugin-directory": run_plugin_directory,
    "plugin-package": run_plugin_package,
}


def main() -> None:
    """Run what the host asks for and exit with its status."""
    mode, settings = sys.argv[1], json.loads(sys.argv[2])
    die_with_host(settings["pipe"])
    status = 1
    try:
        status = MODES[mode](settings, sys.argv[3:])
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    sys.exit(status)


if __name__ == "__main__":
    main()
