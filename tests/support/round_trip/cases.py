"""All cases, in the order in which the program declares them."""

from __future__ import annotations

from support.round_trip import network, records, switches

CASES = (*network.CASES, *records.CASES, *switches.CASES)
