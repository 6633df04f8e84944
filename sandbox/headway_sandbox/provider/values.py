"""Names for the loosely typed values that cross Pulumi's wire."""

from __future__ import annotations

from typing import Any, TypeAlias

Value: TypeAlias = Any
"""None, bool, int, float, str, list or dict of values, or ``UNKNOWN``, ``Secret``, ``Asset``, ``Archive``."""

Properties: TypeAlias = dict[str, Any]
"""Property name in pulumi-aws's spelling (camelCase) to value."""
