"""Imports: planned first, applied as planned, and undone.

A plan compares a file with the records that are kept and writes down every change, before and after, without touching
what readers see. Applying runs exactly those changes in one transaction; undoing runs them backwards.
"""

from finder.ingest.applying import Step, apply, apply_batch, run_import
from finder.ingest.guards import Guards
from finder.ingest.planning import plan
from finder.ingest.records import ACTIONS, Record, changes_of, live_records, stored
from finder.ingest.runs import (
    Intake,
    advance,
    clear_unfinished,
    counts_of,
    discard,
    find,
    problems,
    version,
)
from finder.ingest.showing import Difference, Origin, Sample, origins, sample_of, samples
from finder.ingest.undoing import undo

__all__ = [
    "ACTIONS", "Difference", "Guards", "Intake", "Origin", "Record", "Sample", "Step", "advance", "apply",
    "apply_batch", "changes_of", "clear_unfinished", "counts_of", "discard", "find", "live_records", "origins", "plan",
    "problems", "run_import", "sample_of", "samples", "stored", "undo", "version",
]  # fmt: skip
