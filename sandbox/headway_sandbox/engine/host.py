# The methods have the names and arguments of the protocol, where they are described.
# ruff: noqa: N802, D102, ARG002
"""The engine's LanguageRuntime protocol for Python programs, answered as the official host answers."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

import grpc
from google.protobuf import empty_pb2, json_format
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

from headway_sandbox.engine import environment as environment_script
from headway_sandbox.engine import packages, plugins, prompts, toolchain
from headway_sandbox.engine.executor import SHOWN
from headway_sandbox.engine.install import install_steps
from headway_sandbox.engine.processes import Children, HostStoppingError
from headway_sandbox.engine.toolchain import OptionsError, RuntimeOptions
from headway_sandbox.engine.versions import PINNED_VERSION

_HERE = Path(__file__).parent
_EXECUTOR = _HERE / "executor.py"
_ENVIRONMENT = _HERE / "environment.py"
_OFFICIAL_ONLY = (
    "is part of the official Python language host only; install the Pulumi CLI from "
    "https://www.pulumi.com/docs/install/ to use it"
)


class RefusedError(Exception):
    """A request cannot be followed; the message is for the person at the terminal."""


class PythonLanguageHost(language_pb2_grpc.LanguageRuntimeServicer):  # type: ignore[misc,unused-ignore]
    """Serves one engine.

    Args:
        engine_address: Where the engine's own service listens.
        children: Starts the processes.
        environment: The environment of the engine, which programs inherit.
    """

    def __init__(self, engine_address: str, children: Children, environment: Mapping[str, str]) -> None:
        self._engine_address = engine_address
        self._children = children
        self._environment = dict(environment)

    def Handshake(
        self, request: language_pb2.LanguageHandshakeRequest, context: grpc.ServicerContext
    ) -> language_pb2.LanguageHandshakeResponse:
        if request.engine_address:
            self._engine_address = request.engine_address
        return language_pb2.LanguageHandshakeResponse()

    def GetRequiredPackages(
        self, request: language_pb2.GetRequiredPackagesRequest, context: grpc.ServicerContext
    ) -> language_pb2.GetRequiredPackagesResponse:
        with _refusals(context):
            options = self._options(request.info)
            described = self._describe(options)
            return language_pb2.GetRequiredPackagesResponse(
                packages=[
                    plugin_pb2.PackageDependency(
                        name=package.name,
                        kind="resource",
                        version=package.version,
                        server=package.server,
                        parameterization=_parameterization(package.parameterization),
                    )
                    for package in packages.required_packages(described["distributions"])
                ]
            )

    def Run(
        self, request: language_pb2.RunRequest, context: grpc.ServicerContext
    ) -> language_pb2.RunResponse:
        with _refusals(context):
            if request.attach_debugger:
                raise RefusedError(f"--attach-debugger {_OFFICIAL_ONLY}")
            options = self._options(request.info)
            python = self._python(options)
            environment = toolchain.activated(self._environment, options.virtualenv_path)
            if options.typechecker is not None:
                self._check_types(options, python, environment, context)
            settings = {
                "pipe": self._children.pipe,
                "monitor": request.monitor_address,
                "engine": self._engine_address,
                "project": request.project,
                "root_directory": request.info.root_directory,
                "stack": request.stack,
                "organization": request.organization or "organization",
                "dry_run": request.dryRun,
                "parallel": request.parallel,
                "directory": request.pwd or request.info.program_directory,
                "program": str(plugins.program_path(options.program, request.info.entry_point)),
            }
            configuration = {
                "PULUMI_CONFIG": json.dumps(dict(request.config)),
                "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(request.configSecretKeys)),
            }
            child = self._children.start(
                [str(python), "-u", str(_EXECUTOR), "program", json.dumps(settings), *request.args],
                environment={**environment, **configuration},
                captured=False,
            )
            status = self._wait(child, context)
        if status == SHOWN:
            return language_pb2.RunResponse(bail=True)
        if status != 0:
            return language_pb2.RunResponse(error=describe_exit(status))
        return language_pb2.RunResponse()

    def GetPluginInfo(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:
        return plugin_pb2.PluginInfo(version=PINNED_VERSION)

    def InstallDependencies(
        self, request: language_pb2.InstallDependenciesRequest, context: grpc.ServicerContext
    ) -> Iterator[language_pb2.InstallDependenciesResponse]:
        response = language_pb2.InstallDependenciesResponse
        with _refusals(context):
            options = self._options(request.info, is_plugin=request.is_plugin)
            ambient = None if options.virtualenv_path else self._python(options)
            python3 = ambient or _python_on_path(self._environment)
            yield response(stdout=b"Installing dependencies...\n\n")
            environment = toolchain.activated(self._environment, options.virtualenv_path)
            for step in install_steps(options, python3):
                yield response(stdout=f"{step.title}...\n".encode())
                child = self._children.start(
                    step.command, environment=environment, cwd=options.program, captured=True
                )
                self._end_with_request(child, context)
                for name, chunk in self._children.output_of(child):
                    yield response(stdout=chunk) if name == "stdout" else response(stderr=chunk)
                if child.returncode != 0:
                    raise RefusedError(f"{step.title.lower()} failed: exit status {child.returncode}")
            yield response(stdout=b"Finished installing dependencies\n\n")

    def RuntimeOptionsPrompts(
        self, request: language_pb2.RuntimeOptionsRequest, context: grpc.ServicerContext
    ) -> language_pb2.RuntimeOptionsResponse:
        return prompts.option_prompts(_option_values(request.info))

    def Template(
        self, request: language_pb2.TemplateRequest, context: grpc.ServicerContext
    ) -> language_pb2.TemplateResponse:
        return language_pb2.TemplateResponse()

    def About(
        self, request: language_pb2.AboutRequest, context: grpc.ServicerContext
    ) -> language_pb2.AboutResponse:
        with _refusals(context):
            described = self._describe(self._options(request.info))
            return language_pb2.AboutResponse(
                executable=described["executable"], version=described["version"]
            )

    def GetProgramDependencies(
        self, request: language_pb2.GetProgramDependenciesRequest, context: grpc.ServicerContext
    ) -> language_pb2.GetProgramDependenciesResponse:
        with _refusals(context):
            described = self._describe(self._options(request.info))
            return language_pb2.GetProgramDependenciesResponse(
                dependencies=[
                    language_pb2.DependencyInfo(name=entry["name"], version=entry["version"])
                    for entry in described["distributions"]
                    if request.transitiveDependencies or not entry["required"]
                ]
            )

    def RunPlugin(
        self, request: language_pb2.RunPluginRequest, context: grpc.ServicerContext
    ) -> Iterator[language_pb2.RunPluginResponse]:
        response = language_pb2.RunPluginResponse
        with _refusals(context):
            if request.attach_debugger:
                raise RefusedError(f"--attach-debugger {_OFFICIAL_ONLY}")
            options = self._options(request.info, is_plugin=request.kind != plugins.POLICY_PACK)
            python = self._python(options)
            mode, settings = plugins.plugin_mode(request.kind, options.root)
            sent = dict(entry.split("=", 1) for entry in request.env)
            child = self._children.start(
                [
                    str(python),
                    "-u",
                    str(_EXECUTOR),
                    mode,
                    json.dumps({"pipe": self._children.pipe, **settings}),
                    *request.args,
                ],
                environment=toolchain.activated({**self._environment, **sent}, options.virtualenv_path),
                cwd=Path(request.pwd) if request.pwd else None,
                captured=True,
            )
            self._end_with_request(child, context)
            for name, chunk in self._children.output_of(child):
                yield response(stdout=chunk) if name == "stdout" else response(stderr=chunk)
            yield response(exitcode=child.returncode)

    def GenerateProgram(
        self, request: language_pb2.GenerateProgramRequest, context: grpc.ServicerContext
    ) -> NoReturn:
        _unimplemented(context, "converting a program")

    def GenerateProject(
        self, request: language_pb2.GenerateProjectRequest, context: grpc.ServicerContext
    ) -> NoReturn:
        _unimplemented(context, "converting a project")

    def GeneratePackage(
        self, request: language_pb2.GeneratePackageRequest, context: grpc.ServicerContext
    ) -> NoReturn:
        _unimplemented(context, "generating an SDK")

    def Pack(self, request: language_pb2.PackRequest, context: grpc.ServicerContext) -> NoReturn:
        _unimplemented(context, "packing an SDK")

    def Link(self, request: language_pb2.LinkRequest, context: grpc.ServicerContext) -> NoReturn:
        _unimplemented(context, "linking an SDK")

    def Cancel(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> empty_pb2.Empty:
        self._children.stop()
        return empty_pb2.Empty()

    def _options(self, info: language_pb2.ProgramInfo, *, is_plugin: bool = False) -> RuntimeOptions:
        program = Path(info.program_directory or os.getcwd())  # noqa: PTH109
        values = _option_values(info)
        if is_plugin:
            values = {"virtualenv": toolchain.PLUGIN_VIRTUALENV, **values}
        return toolchain.parse_options(
            values,
            root=Path(info.root_directory or program),
            program=program,
            lock_files=toolchain.find_lock_files(program),
        )

    def _python(self, options: RuntimeOptions) -> Path:
        problem = toolchain.virtualenv_problem(options)
        if problem is not None:
            raise RefusedError(problem)
        if options.virtualenv_path is not None:
            return toolchain.virtualenv_python(options.virtualenv_path)
        return _python_on_path(self._environment)

    def _describe(self, options: RuntimeOptions) -> dict[str, Any]:
        python = self._python(options)
        if python.absolute() == Path(sys.executable).absolute():
            return environment_script.describe()
        done = subprocess.run(
            [str(python), str(_ENVIRONMENT)],
            capture_output=True,
            text=True,
            check=False,
            env=toolchain.activated(self._environment, options.virtualenv_path),
        )
        if done.returncode != 0:
            raise RefusedError(f"{python} could not list its packages: {done.stderr.strip()}")
        described: dict[str, Any] = json.loads(done.stdout)
        return described

    def _check_types(
        self,
        options: RuntimeOptions,
        python: Path,
        environment: dict[str, str],
        context: grpc.ServicerContext,
    ) -> None:
        checker = options.typechecker
        assert checker is not None
        command = [str(python), "-m", checker, str(options.program)]
        if checker == "mypy" and options.virtualenv_path is not None:
            command[3:3] = ["--exclude", os.path.relpath(options.virtualenv_path, options.program)]
        child = self._children.start(command, environment=environment, cwd=options.program, captured=False)
        status = self._wait(child, context)
        if status != 0:
            raise RefusedError(f"{checker} failed: exit status {status}")

    def _wait(self, child: "subprocess.Popen[bytes]", context: grpc.ServicerContext) -> int:
        self._end_with_request(child, context)
        return self._children.wait(child)

    def _end_with_request(self, child: "subprocess.Popen[bytes]", context: grpc.ServicerContext) -> None:
        still_wanted = context.add_callback(lambda: self._children.kill(child))
        if not still_wanted:
            self._children.kill(child)


def _parameterization(
    declared: packages.Parameterization | None,
) -> plugin_pb2.PackageParameterization | None:
    if declared is None:
        return None
    return plugin_pb2.PackageParameterization(
        name=declared.name, version=declared.version, value=declared.value
    )


def describe_exit(status: int) -> str:
    """Say how a process ended.

    Args:
        status: Exit status, negative for a signal.

    Returns:
        The phrase that the official host uses.
    """
    return f"program exited with non-zero exit code: {status}"


class _refusals:  # noqa: N801
    """Turns what a request cannot have into a gRPC error whose message reaches the person."""

    def __init__(self, context: grpc.ServicerContext) -> None:
        self._context = context

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, (RefusedError, OptionsError)):
            self._context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))
        if isinstance(error, HostStoppingError):
            self._context.abort(grpc.StatusCode.CANCELLED, "the language host is stopping")


def _unimplemented(context: grpc.ServicerContext, what: str) -> NoReturn:
    context.abort(grpc.StatusCode.UNIMPLEMENTED, f"{what} {_OFFICIAL_ONLY}")
    raise AssertionError


def _option_values(info: language_pb2.ProgramInfo) -> dict[str, object]:
    return json_format.MessageToDict(info.options) if info.HasField("options") else {}


def _python_on_path(environment: Mapping[str, str]) -> Path:
    chosen = environment.get("PULUMI_PYTHON_CMD")
    names = [chosen] if chosen else ["python3", "python"]
    for name in names:
        found = shutil.which(name, path=environment.get("PATH"))
        if found is not None:
            return Path(found)
    raise RefusedError(
        f"no {' or '.join(names)} on PATH; install Python, or name a `virtualenv` in Pulumi.yaml"
    )
