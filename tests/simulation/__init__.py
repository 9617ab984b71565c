"""Whole worlds from one integer: dealers, their two systems, what goes wrong, deaths of the process; and an oracle.

`simulation` is one seed from its stock to its rest; `crashes` kills one process at every instant of a scenario.
Their scripts: `scripts/simulate` and `scripts/crash-points`.
"""
