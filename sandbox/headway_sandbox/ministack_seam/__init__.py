"""Everything this sandbox knows about ministack's insides, in one place.

ministack is configured by environment variables that it reads at import, so `configure` comes before
`Ministack`. Names with a leading underscore are not its public interface: the pinned version and the contract
test in tests/sandbox/control hold them.
"""

from headway_sandbox.ministack_seam.access import Access, AccessDeniedError, RoleRefusedError
from headway_sandbox.ministack_seam.application import Handler, Ministack
from headway_sandbox.ministack_seam.parameters import Answer
from headway_sandbox.ministack_seam.settings import Settings, configure

__all__ = [
    "Access",
    "AccessDeniedError",
    "Answer",
    "Handler",
    "Ministack",
    "RoleRefusedError",
    "Settings",
    "configure",
]
