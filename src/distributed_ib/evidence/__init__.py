"""How sure the findings are: nulls, intervals, redundancy, references."""
