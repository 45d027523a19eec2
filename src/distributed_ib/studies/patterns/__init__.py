"""Binary patterns: the Distributed beside the standard Information Bottleneck (paper Fig. 5)."""

from distributed_ib.studies.patterns.pattern_library import PATTERNS, Pattern
from distributed_ib.studies.patterns.pattern_pictures import (
    approximation_picture,
    pattern_picture,
    telling_approximations,
)
from distributed_ib.studies.patterns.patterns_figures import (
    plot_comparison,
    plot_errors,
    plot_pattern_sweep,
)
from distributed_ib.studies.patterns.patterns_findings import PatternFindings, PatternSweep, find
from distributed_ib.studies.patterns.patterns_study import (
    PRESETS,
    Method,
    PatternSettings,
    sweep_pattern,
)

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
