"""The messages of the engine's Analyzer protocol, without the SDK that they come with.

A pack that answers the engine itself needs three generated modules of Pulumi's SDK. Importing `pulumi` for
them takes longer than loading all rules; the engine waits for it before it starts the program. The modules
import each other relatively, so a package of another name with the same folder gives them, too. Where the SDK
is loaded already, or lays its files out in another way, its own modules are taken.
"""

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Final

_SDK: Final = "pulumi"
_PACKAGE: Final = "pulumi.runtime.proto"
_ALIAS: Final = "headway_policies_protocol"


def _package() -> str:
    if _ALIAS in sys.modules:
        return _ALIAS
    spec = None if _SDK in sys.modules else importlib.util.find_spec(_SDK)
    places = [] if spec is None else [Path(place) for place in spec.submodule_search_locations or ()]
    folders = [folder for place in places if (folder := place.joinpath("runtime", "proto")).is_dir()]
    if not folders:
        return _PACKAGE
    package = ModuleType(_ALIAS)
    package.__path__ = [str(folders[0])]
    sys.modules[_ALIAS] = package
    return _ALIAS


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"{_package()}.{name}")


if TYPE_CHECKING:
    from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc, plugin_pb2
else:
    analyzer_pb2 = _module("analyzer_pb2")
    analyzer_pb2_grpc = _module("analyzer_pb2_grpc")
    plugin_pb2 = _module("plugin_pb2")

__all__ = ["analyzer_pb2", "analyzer_pb2_grpc", "plugin_pb2"]
