"""Binary patterns, analysed by the Distributed and the standard bottleneck (paper Fig. 5)."""

from distributed_ib.studies.patterns.pattern_library import PATTERNS as PATTERNS
from distributed_ib.studies.patterns.pattern_library import Pattern as Pattern
from distributed_ib.studies.patterns.pattern_pictures import (
    approximation_picture as approximation_picture,
)
from distributed_ib.studies.patterns.pattern_pictures import pattern_picture as pattern_picture
from distributed_ib.studies.patterns.pattern_study import Method as Method
from distributed_ib.studies.patterns.pattern_study import PatternStudy as PatternStudy
from distributed_ib.studies.patterns.patterns_figures import plot_comparison as plot_comparison
from distributed_ib.studies.patterns.patterns_figures import plot_errors as plot_errors
from distributed_ib.studies.patterns.patterns_figures import (
    plot_pattern_sweep as plot_pattern_sweep,
)
from distributed_ib.studies.patterns.patterns_findings import PatternFindings as PatternFindings
from distributed_ib.studies.patterns.patterns_findings import PatternSweep as PatternSweep
from distributed_ib.studies.patterns.patterns_findings import find as find
from distributed_ib.studies.patterns.patterns_study import PatternsStudy as PatternsStudy
