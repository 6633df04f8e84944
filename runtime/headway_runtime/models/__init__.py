"""Models that honour an inference contract, and how an artifact becomes one."""
