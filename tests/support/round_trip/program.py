"""The program itself: importing it declares the stack."""

from types import SimpleNamespace

import pulumi

from support.round_trip.cases import CASES

configuration = pulumi.Config()
phase = configuration.require("phase")
made = SimpleNamespace()
for case in CASES:
    setattr(made, case.name, case.declare(phase, made))
