"""The commands that import: plan, apply, undo, and what was done, for the command line."""

import argparse
import getpass
import json
import shlex
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from finder.db import NOT_WRITTEN, why_not_written
from finder.errors import FetchError, FinderError, GuardStopped, ImportBusy, NotFound, PlanOutdated, SourceError
from finder.imports import MAPPED, Imports, Run
from finder.ingest import ACTIONS
from finder.sources import SOURCES
from finder.sources.fetching import fetch_source
from finder.sources.nppes_releases import KINDS, Need
from finder.sources.table import FIELDS, ROWS, Mapping_, as_rows_of, mistakes

REJECTED, STOPPED, UNUSABLE, BUSY = 2, 3, 4, 5
"""Exit codes: done with rejected rows, stopped by a guard, a file that cannot be used, another import is at work."""

_CODES: tuple[tuple[type[FinderError], int], ...] = (
    (ImportBusy, BUSY),
    (GuardStopped, STOPPED),
    (SourceError, UNUSABLE),
    (FetchError, UNUSABLE),
)
_IN_PARTS = "nppes"
_MANY = 10_000  # More runs than a lifetime of weekly files.
if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]
Opened = Callable[[], Imports]


def add(commands: "Commands", imports: Opened) -> None:
    """Add the import commands; ``imports`` opens the directory when a command runs."""
    _import_command(commands, imports)
    for name, words, run in (
        ("apply", "make a planned import live", _apply),
        ("undo", "restore what was before an import", _undo),
        ("discard", "drop a planned import", _discard),
        ("run", "show one import", _show),
    ):
        command = commands.add_parser(name, help=words)
        command.add_argument("number", type=int, metavar="N", help="the run's number")
        command.add_argument("--json", action="store_true", help="print one JSON object")
        command.set_defaults(run=_guarded(run, imports))
    command = commands.add_parser("runs", help="list the imports, the newest first")
    command.add_argument("--json", action="store_true", help="print one JSON object per run")
    command.set_defaults(run=_guarded(_runs, imports))
    _mapping_command(commands, imports)
    command = commands.add_parser("sources", help="list what can be imported")
    command.set_defaults(run=lambda _options: _sources())


def _import_command(commands: "Commands", imports: Opened) -> None:
    command = commands.add_parser(
        "import",
        help="import a directory",
        epilog="Exit codes: 0 done, 2 done with rejected rows, 3 stopped by a guard, 4 unusable file, 5 another import "
        "is at work.",
    )
    command.add_argument("source", choices=sorted(SOURCES), metavar="SOURCE", help=", ".join(sorted(SOURCES)))
    where = command.add_mutually_exclusive_group(required=True)
    where.add_argument("path", nargs="?", metavar="PATH", help="the file or folder")
    where.add_argument(
        "--fetch",
        nargs="?",
        const="",
        choices=("", *KINDS),
        metavar="KIND",
        help="download it from its official address first; of nppes the next file that the directory lacks, and with "
        f"--apply one after the other, all or those of one KIND: {', '.join(KINDS)}",
    )
    mode = command.add_mutually_exclusive_group()
    mode.add_argument("--plan", action="store_true", help="only show what it would change (the default)")
    mode.add_argument("--apply", action="store_true", help="make it live if no guard stops it")
    command.add_argument("--force", action="store_true", help="go on where a guard would stop")
    command.add_argument("--json", action="store_true", help="print one JSON object for each file, a line each")
    command.set_defaults(run=_guarded(_import, imports))


def _mapping_command(commands: "Commands", imports: Opened) -> None:
    command = commands.add_parser(
        "mapping",
        help="show or decide what the columns of a table are",
        epilog="What is decided is kept for the file, and for the next one with the same headings.",
    )
    command.add_argument("path", type=Path, metavar="PATH", help="the table, CSV or XLSX")
    command.add_argument("--rows", choices=sorted(ROWS), help="what the rows are")
    command.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="COLUMN=FIELD",
        help='what a column, by its name or number, is read as; "COLUMN=" leaves it out; can be given more than once',
    )
    command.set_defaults(run=_guarded(_mapping, imports))


def _guarded(
    command: Callable[[argparse.Namespace, Imports], int], imports: Opened
) -> Callable[[argparse.Namespace], int]:
    """Return the command with its errors turned into words and exit codes."""

    def run(options: argparse.Namespace) -> int:
        try:
            return command(options, imports())
        except FinderError as error:
            print(str(error), file=sys.stderr)
            return next((code for kind, code in _CODES if isinstance(error, kind)), 1)
        except NOT_WRITTEN as error:
            print(why_not_written(error), file=sys.stderr)
            return 1

    return run


def _import(options: argparse.Namespace, imports: Imports) -> int:
    """Import one file or, of NPPES, each one that is lacking, as long as the one before it was made live."""
    code = 0
    try:
        for path in _files(options, imports):
            run = _planned(options, imports, path)
            if options.apply and run.status == "planned":
                run = _applied(imports, run)
            code = max(code, _tell(options, imports, run))
            if run.status not in ("applied", "unchanged"):
                break
    except KeyboardInterrupt:
        with suppress(ImportBusy):  # While a file was fetched, another import may have begun.
            imports.give_up()
        print("\nStopped. Nothing more was changed.", file=sys.stderr)
        return 130
    return code


def _files(options: argparse.Namespace, imports: Imports) -> Iterator[Path]:
    """Yield the file to be imported, or fetch one after the other; what was made live in between decides the next."""
    if options.fetch is None:
        yield Path(options.path)
        return
    if options.fetch and options.source != _IN_PARTS:
        raise NotFound(f"The list {options.source} has no {options.fetch} files. Say --fetch alone.")
    while path := fetch_source(options.source, imports.inbox, need=_need(options.fetch, imports), say=_say):
        yield path
        if options.source != _IN_PARTS:
            return
    _say("There is nothing more to fetch.")


def _need(kind: str, imports: Imports) -> Need:
    """Return which file of NPPES comes next; one that a guard has stopped only where its kind is asked for."""
    runs = [run for run in imports.runs(_MANY) if run.source == _IN_PARTS and not run.undo_of]
    done = ("applied", "unchanged") if kind else ("applied", "unchanged", "stopped")
    held = [(run.kind, run.covers_to or run.released_on) for run in runs if run.status == "applied"]
    return Need(kind, held, frozenset(run.file for run in runs if run.status in done))


def _mapping(options: argparse.Namespace, imports: Imports) -> int:
    mapping = imports.mapping(options.path)
    if options.rows or options.set:
        mapping = as_rows_of(ROWS.get(options.rows, mapping.kind), mapping)
        for setting in options.set:
            mapping = _set(mapping, setting)
        imports.remember_mapping(options.path, mapping)
        mapping = imports.mapping(options.path)
    print(_mapping_words(options.path, mapping))
    return 0


def _set(mapping: Mapping_, setting: str) -> Mapping_:
    """Return the mapping with one column changed."""
    name, equals, field = (part.strip() for part in setting.rpartition("="))
    if not equals:
        raise SourceError(f"{setting!r} sets nothing. Write --set 'COLUMN=FIELD'.")
    if field and field not in FIELDS[mapping.kind]:
        known = ", ".join(FIELDS[mapping.kind])
        raise SourceError(f"There is no field {field!r} in a table of {mapping.rows}. The fields are {known}.")
    numbered = list(enumerate(mapping.columns, 1))
    named = [number for number, column in numbered if column.name.casefold() == name.casefold()]
    found = named or [number for number, _ in numbered if str(number) == name]
    if not found:
        raise SourceError(f"There is no column {name!r}. The columns are {', '.join(filter(None, mapping.header))}.")
    if len(found) > 1:
        raise SourceError(f"{len(found)} columns are named {name!r}. Name one by its number: {found[0]} or {found[1]}.")
    columns = (replace(column, field=field) if number == found[0] else column for number, column in numbered)
    return replace(mapping, columns=tuple(columns))


def _mapping_words(path: Path, mapping: Mapping_) -> str:
    lines = [f"{path.name}, a table of {mapping.rows}, its columns {'decided' if mapping.decided else 'proposed'}:"]
    width = max(len(column.name) for column in mapping.columns)
    for number, column in enumerate(mapping.columns, 1):
        field = column.field or "(not read)"
        lines.append(f"{number:>4}  {column.name:<{width}}  {field:<22}  {' | '.join(column.examples)}".rstrip())
    lines += mistakes(mapping).values()
    if not mapping.decided:
        lines.append(f"To change one: finder mapping {shlex.quote(str(path))} --set 'COLUMN=FIELD'")
    return "\n".join(lines)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _planned(options: argparse.Namespace, imports: Imports, path: Path) -> Run:
    if options.source in MAPPED:
        print(_mapping_words(path, imports.mapping(path)), file=sys.stderr)
    bar = _Bar("Reading", "MB", 1e6)
    try:
        return imports.plan(
            options.source,
            path,
            getpass.getuser(),
            lambda done, total, rows: bar.show(done, total, f"{rows:,} rows"),
            force=options.force,
        )
    finally:
        bar.end()


def _applied(imports: Imports, run: Run) -> Run:
    bar = _Bar("Applying", "changes", 1)
    try:
        return imports.apply(run.number, lambda done, total: bar.show(done, total, ""))
    finally:
        bar.end()


def _apply(options: argparse.Namespace, imports: Imports) -> int:
    run = imports.run(options.number)
    try:
        run = _applied(imports, run)
    except PlanOutdated as error:
        print(str(error), file=sys.stderr)
        options.source, options.force = run.source, False
        imports.discard(run.number)
        run = _planned(options, imports, Path(run.path))
    return _tell(options, imports, run)


def _undo(options: argparse.Namespace, imports: Imports) -> int:
    run = imports.undo(options.number, getpass.getuser())
    left = run.problems.get("changed-since", 0)
    if left:
        print(f"{left:,} records were changed by later imports and stay as they are.", file=sys.stderr)
    return _tell(options, imports, run)


def _discard(options: argparse.Namespace, imports: Imports) -> int:
    return _tell(options, imports, imports.discard(options.number))


def _show(options: argparse.Namespace, imports: Imports) -> int:
    _tell(options, imports, imports.run(options.number))
    return 0


def _runs(options: argparse.Namespace, imports: Imports) -> int:
    for run in imports.runs():
        if options.json:
            print(json.dumps(run.json()))
        else:
            day = f"{run.started_at:%Y-%m-%d %H:%M}"
            print(f"{run.number:>5}  {day}  {run.status:<10} {run.source:<12} {run.title}  {_counts(run)}")
    return 0


def _sources() -> int:
    for source in SOURCES.values():
        print(f"{source.name:<12} {source.title}\n{'':<12} {source.licence}")
    return 0


def _tell(options: argparse.Namespace, imports: Imports, run: Run) -> int:
    """Print what a run did or would do, and return the exit code that says so."""
    written = str(imports.write_problems(run.number)) if run.problems else ""
    if options.json:
        print(json.dumps(run.json(written)))
    else:
        print(_words(imports, run, written))
    if run.status == "stopped":
        return STOPPED
    return REJECTED if run.counts["rejected"] and run.status in ("planned", "applied") else 0


def _words(imports: Imports, run: Run, written: str) -> str:
    lines = [f"Run {run.number}: {run.title} ({run.source}), {run.status}", f"  {_counts(run)}"]
    if run.message:
        lines.append(f"  {run.message}")
    if run.status == "stopped" and run.path:
        lines.append(f"  To go on all the same: finder import {run.source} {shlex.quote(run.path)} --force")
    lines += [f"  {count:>7,} {code}" for code, count in sorted(run.problems.items())]
    if written:
        lines.append(f"  Each with line and value: {written}")
    for action, some in imports.samples(run.number, 3).items():
        lines.append(f"  {action}, for example")
        for sample in some:
            lines.append(f"    {sample.key} {sample.name}")
            lines += [f"      {one.field}: {_said(one.before)} → {_said(one.after)}" for one in sample.differences[:6]]
    if run.status == "planned":
        seconds = imports.seconds_to_apply(run)
        lines.append(f"  To make it live (about {max(1, round(seconds))} s): finder apply {run.number}")
    return "\n".join(lines)


def _counts(run: Run) -> str:
    names = (*ACTIONS, "unchanged", "rejected", "warnings")
    return ", ".join(f"{run.counts[name]:,} {name}" for name in names if run.counts[name]) or "nothing"


def _said(values: tuple[str, ...]) -> str:
    return " | ".join(values) or "nothing"


class _Bar:
    """A line that shows how far something is, its rate, and the time that remains; silent where nobody watches."""

    def __init__(self, what: str, unit: str, scale: float) -> None:
        self._what, self._unit, self._scale = what, unit, scale
        self._started = self._shown = time.monotonic()
        self._watched = sys.stderr.isatty()

    def show(self, done: int, total: int, more: str) -> None:
        """Draw the line, at most four times a second."""
        now = time.monotonic()
        if not self._watched or now - self._shown < 0.25:
            return
        self._shown = now
        share = min(1.0, done / total) if total else 0.0
        spent = now - self._started
        left = f"{spent / share - spent:,.0f} s left" if share else ""
        rate = f"{done / self._scale / spent:,.1f} {self._unit}/s"
        line = f"\r{self._what} {share:4.0%}  {rate}  {more}  {left}"
        print(f"{line:<79}", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        """Clear the line."""
        if self._watched:
            print(f"\r{'':<79}\r", end="", file=sys.stderr, flush=True)
