"""All cases, in the order in which the program declares them."""

from __future__ import annotations

from support.round_trip import catalogues, learning, messages, network, records, storage, switches, training

CASES = (
    *network.CASES,
    *records.CASES,
    *switches.CASES,
    *catalogues.CASES,
    *learning.CASES,
    *training.CASES,
    *storage.CASES,
    *messages.CASES,
)
