"""Whole systems with a few parameters, reused across teams."""

from headway_blueprints.realtime_classifier import baseline, realtime_classifier

__all__ = ["baseline", "realtime_classifier"]
