"""What stops an import: a file out of order, and a plan that would reject, lose or deactivate too much."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from finder.db import ImportRun

# Guards speak in shares; so few rows stop nothing, however small the list.
_FEW = 10
_DAY = len("2026-11-24")  # Some files tell no more than their month.


@dataclass(frozen=True, slots=True)
class Guards:
    """The largest shares, in percent, of a file's or a list's rows that an import may reject, lose or deactivate."""

    rejected: float = 1.0
    gone: float = 5.0
    deactivated: float = 2.0
    force: bool = False

    def stop(self, counts: Mapping[str, int], rows: int, live: int) -> str:
        """Return the words of the first guard that a plan runs into, or "".

        ``rows`` is how many rows the file has, ``live`` how many live records the list had before.
        """
        if self.force:
            return ""
        for name, share, of in (
            ("rejected", self.rejected, rows),
            ("gone", self.gone, live),
            ("deactivated", self.deactivated, live),
        ):
            if counts[name] > max(_FEW, of * share / 100):
                return (
                    f"{counts[name]:,} of {of:,} rows would be {name}, more than the {share:g} % that are allowed. "
                    "Look at the file: is it the right one, and whole?"
                )
        return ""


def may_begin(session: Session, run: ImportRun) -> tuple[str, str]:
    """Return the status with which a run goes on, and why where it does not: its file must follow the one before."""
    applied = select(ImportRun).where(ImportRun.source == run.source, ImportRun.status == "applied")
    before = session.scalars(applied.where(ImportRun.undo_of.is_(None)).order_by(ImportRun.id.desc())).all()
    if run.sha256 and before and before[0].sha256 == run.sha256:
        return "unchanged", f"This very file was applied as run {before[0].id}. There is nothing to do."
    reason = _out_of_order(run, before)
    return ("stopped", reason) if reason else ("planning", "")


def _out_of_order(run: ImportRun, before: Sequence[ImportRun]) -> str:
    """Return why a file may not follow what was applied before from its source, or "" where it may."""
    # A list of what is not active now tells nothing of the changes that an update brings.
    counted = [one for one in before if run.kind != "update" or one.kind != "deactivations"]
    reached = max((one.covers_to or one.released_on for one in counted), default="")
    if run.kind == "update" and run.covers_to and not any(one.kind == "full" for one in before):
        return "No full list of this source was applied yet. Import the full list first, then its updates."
    ends = run.covers_to or run.released_on
    if reached and ends and ends < reached:
        return f"This file ends on {ends}, but the directory already holds this source as of {reached}."
    if run.kind == "update" and len(reached) == _DAY and run.covers_from:
        next_day = (date.fromisoformat(reached) + timedelta(days=1)).isoformat()
        if run.covers_from > next_day:
            return f"There is a gap: the directory is as of {reached}, this file begins on {run.covers_from}."
    return ""
