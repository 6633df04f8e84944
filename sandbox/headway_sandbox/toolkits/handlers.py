"""A user's inference code: which functions it has, and what stands in for those that it has not."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from headway_sandbox.toolkits import media
from headway_sandbox.toolkits.errors import ToolkitError

_STEPS = ("input_fn", "predict_fn", "output_fn")


@dataclass(frozen=True)
class Context:
    """What a handler that asks for a context gets.

    Attributes:
        system_properties: ``model_dir`` and ``gpu_id``.
        headers: Headers of the request, in lower case.
    """

    system_properties: Mapping[str, Any]
    headers: Mapping[str, str]

    def get_request_header(self, index: int, name: str) -> str | None:
        """A header of the request; requests are not batched, so the index is 0."""
        return self.headers.get(name.lower()) if index == 0 else None


@dataclass(frozen=True)
class Answer:
    """What goes back to the caller.

    Attributes:
        body: The content.
        content_type: Its media type.
    """

    body: bytes
    content_type: str


class Handlers:
    """The functions of a user's module.

    Args:
        module: The module.

    Raises:
        ToolkitError: If it has no ``model_fn``, or functions that exclude each other.
    """

    def __init__(self, module: ModuleType) -> None:
        self._functions: dict[str, Callable[..., Any]] = {
            name: function
            for name in ("model_fn", "transform_fn", *_STEPS)
            if callable(function := getattr(module, name, None))
        }
        self._module = module
        if "model_fn" not in self._functions:
            raise ToolkitError(
                f"{module.__name__}.py has no function model_fn(model_dir), which loads the model. Write one."
            )
        steps = [name for name in _STEPS if name in self._functions]
        if "transform_fn" in self._functions and steps:
            raise ToolkitError(
                f"{module.__name__}.py has transform_fn and {', '.join(steps)}; transform_fn does all of it, "
                "so have either."
            )

    def load(self, model_dir: str) -> Any:  # noqa: ANN401 - whatever the user's model is
        """Loads the model."""
        context = Context({"model_dir": model_dir, "gpu_id": None}, {})
        return _call(self._functions["model_fn"], [model_dir], context)

    def answer(self, model: object, body: bytes, content_type: str, accept: str, context: Context) -> Answer:
        """What the model answers to a request.

        Args:
            model: What `load` gave.
            body: The request's content.
            content_type: Its media type.
            accept: The media type that the caller wants.
            context: For handlers that ask for it.

        Raises:
            UnsupportedFormatError: If a default handler does not know a media type.
        """
        transform = self._functions.get("transform_fn")
        if transform is not None:
            return _answer(_call(transform, [model, body, content_type, accept], context), accept)
        data = self._step("input_fn", media.decode, [body, content_type], context)
        prediction = self._step("predict_fn", _predict, [data, model], context)
        return _answer(self._step("output_fn", media.encode, [prediction, accept], context), accept)

    def _step(self, name: str, default: Callable[..., Any], arguments: list[Any], context: Context) -> Any:  # noqa: ANN401
        function = self._functions.get(name)
        return default(*arguments) if function is None else _call(function, arguments, context)


def import_handlers(directory: Path, program: str) -> Handlers:
    """Imports a user's module from its source directory.

    Args:
        directory: The source directory; its other modules can be imported too.
        program: File name of the module.

    Raises:
        ToolkitError: If it is not there or cannot serve.
    """
    path = directory / program
    if not path.is_file():
        raise ToolkitError(
            f"The model has no {program} in {directory.name}/, so nothing says how it is loaded and asked. "
            "Pack code/inference.py with model_fn into the model's archive, or name the program with "
            "SAGEMAKER_PROGRAM and its source directory with SAGEMAKER_SUBMIT_DIRECTORY."
        )
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return Handlers(module)


def _predict(data: object, model: Any) -> Any:  # noqa: ANN401
    """Asks a model as scikit-learn's and PyTorch's containers do."""
    return model.predict(data) if hasattr(model, "predict") else model(data)


def _call(function: Callable[..., Any], arguments: list[Any], context: Context) -> Any:  # noqa: ANN401
    """Calls a handler, with the context when it takes one argument more."""
    parameters = inspect.signature(function).parameters.values()
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    takes = len([each for each in parameters if each.kind in positional])
    return function(*arguments, context) if takes > len(arguments) else function(*arguments)


def _answer(result: Any, accept: str) -> Answer:  # noqa: ANN401 - what a user's handler returns
    content_type = accept
    if isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], str):
        result, content_type = result
    if isinstance(result, bytes | bytearray):
        return Answer(bytes(result), content_type)
    if isinstance(result, str):
        return Answer(result.encode(), content_type)
    return Answer(media.encode(result, content_type), content_type)
