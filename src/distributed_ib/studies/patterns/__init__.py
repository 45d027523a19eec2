"""Binary patterns: the Distributed beside the standard Information Bottleneck (paper Fig. 5)."""

from distributed_ib.studies.patterns.figures import plot_comparison, plot_errors, plot_pattern_sweep
from distributed_ib.studies.patterns.findings import PatternFindings, PatternSweep, find
from distributed_ib.studies.patterns.patterns import PATTERNS, Pattern
from distributed_ib.studies.patterns.pictures import (
    approximation_picture,
    pattern_picture,
    telling_approximations,
)
from distributed_ib.studies.patterns.study import PRESETS, Method, PatternSettings, sweep_pattern

__all__ = [
    "PATTERNS",
    "PRESETS",
    "Method",
    "Pattern",
    "PatternFindings",
    "PatternSettings",
    "PatternSweep",
    "approximation_picture",
    "find",
    "pattern_picture",
    "plot_comparison",
    "plot_errors",
    "plot_pattern_sweep",
    "sweep_pattern",
    "telling_approximations",
]
