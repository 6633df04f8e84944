"""The judge of a release: a pure function of counts and a plan, of the standard library alone."""

from headway_runtime.judge.assess import ERRORS, Phase, Verdict, assess
from headway_runtime.judge.evidence import Counts
from headway_runtime.judge.observation import Levels, Pairs, StageObservation
from headway_runtime.judge.plan import Comparison, Inconclusive, JudgePlan, Metric, Stage
from headway_runtime.judge.standing import MetricVerdict, Standing

__all__ = [
    "ERRORS",
    "Comparison",
    "Counts",
    "Inconclusive",
    "JudgePlan",
    "Levels",
    "Metric",
    "MetricVerdict",
    "Pairs",
    "Phase",
    "Stage",
    "StageObservation",
    "Standing",
    "Verdict",
    "assess",
]
