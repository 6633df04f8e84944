"""Functions of a stack, as a test gives them to a sandbox."""

import io
import zipfile

import pulumi

from headway_components._function_code import function_code


def function_zip(*paths: str) -> bytes:
    """The code of a function as Lambda takes it.

    Args:
        paths: Parts of the runtime, as the component that declares the function names them.
    """
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, asset in function_code(*paths).assets.items():
            assert isinstance(asset, pulumi.StringAsset)
            archive.writestr(name, asset.text)
    return packed.getvalue()
