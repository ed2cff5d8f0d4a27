"""Imports in the browser: what was done, a new one from a file, and each run and job; the worker does the work."""

import os
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, cast

from flask import Blueprint, Flask, Request, Response, current_app, jsonify, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.utils import secure_filename
from werkzeug.wrappers import Response as AnyResponse

from finder.accounts import Role, audit
from finder.db import RunProblem
from finder.errors import FinderError, NotFound, SourceError
from finder.imports import MAPPED, Imports, Run
from finder.ingest import ACTIONS
from finder.jobs import Jobs, Status
from finder.services import SHIPPED
from finder.sources import SOURCES
from finder.sources.table import FIELDS, ROWS, Mapping_, as_rows_of, in_words
from finder.sources.table import mistakes as mistakes_in
from finder.web.accounts import Area, accepts, add_area, current_user, require
from finder.web.context import services

blueprint = Blueprint("imports", __name__)

_Answer = str | tuple[str, int] | AnyResponse
_UPLOAD = "imports.upload"
_FORM_BYTES = 65_536
_FIRST_ROWS = 5
_LONGEST_NAME = 120
_NO_FILES = (".mapping.json", ".part", ".part.version")
_COUNTS = (*ACTIONS, "unchanged", "rejected", "warnings")
_RUN_STATES = {
    "planning": "is being planned",
    "planned": "waits to be applied",
    "stopped": "stopped by a guard",
    "unchanged": "nothing to change",
    "applied": "applied",
    "discarded": "discarded",
    "undone": "undone",
}
_JOB_STATES = {"waiting": "waits for the worker", "working": "at work", "done": "done", "failed": "failed",
               "cancelled": "cancelled"}  # fmt: skip
_NOTES = {"discarded": "The plan is discarded. Nothing was changed."}


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A file or folder of the inbox."""

    name: str
    size: int
    changed_at: datetime


def init(app: Flask, jobs_url: str = "", max_upload_bytes: int = 2 * 1024**3) -> None:
    """Add the pages; ``finder.web.accounts.init`` must have run before."""
    parts = app.extensions["finder"]
    app.extensions["finder_jobs"] = Jobs(parts, jobs_url)
    app.extensions["finder_max_upload"] = max_upload_bytes
    app.request_class = _InboxRequest
    app.register_blueprint(blueprint)
    # The limit is a setting, so each application has its own view.
    marked = accepts(max_upload_bytes + _FORM_BYTES)(require(Role.EDITOR)(partial(upload)))
    app.view_functions[_UPLOAD] = marked
    app.jinja_env.filters.update(bytes=bytes_in_words, seconds=seconds_in_words, moment=moment)
    add_area(app, Area("Imports", "/admin/imports", Role.VIEWER, "What was imported, what a new file would change."))


class _InboxRequest(Request):
    """A request whose uploaded file is written into the inbox while it arrives, under a name that nobody chose."""

    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        if self.endpoint != _UPLOAD:
            return super()._get_file_stream(total_content_length, content_type, filename, content_length)
        return cast(IO[bytes], NamedTemporaryFile("w+b", dir=_imports().inbox, prefix=".upload-"))


@blueprint.errorhandler(FinderError)
def _refused(error: FinderError) -> _Answer:
    return _refuse("This cannot be done", str(error), error.status)


@blueprint.errorhandler(RequestEntityTooLarge)
def _too_large(_error: RequestEntityTooLarge) -> _Answer:
    words = f"A file may have at most {bytes_in_words(_max_upload())}. Put a larger one into the inbox folder yourself."
    return _refuse("The file is too large", words, 413)


@blueprint.errorhandler(OperationalError)
def _locked(_error: OperationalError) -> _Answer:
    return _refuse("The directory is being changed", "Wait until the running import is done, then try again.", 503)


def _refuse(title: str, words: str, status: int) -> _Answer:
    return render_template("admin/refused.html", title=title, words=words), status


# The list and a new import


@blueprint.get("/admin/imports")
@require(Role.VIEWER)
def index() -> _Answer:
    """Show the runs, the newest first, and the jobs that are not done yet."""
    return render_template(
        "admin/imports.html",
        runs=_imports().runs(),
        jobs=_jobs().open(),
        counts=(*ACTIONS, "rejected", "warnings"),
        states=_RUN_STATES,
        job_states=_JOB_STATES,
        title_of=_title,
        can_edit=current_user().role.may(Role.EDITOR),
    )


@blueprint.get("/admin/imports/new")
@require(Role.EDITOR)
def new() -> _Answer:
    """Ask for a source and a file."""
    return _new_page()


@blueprint.post("/admin/imports")
@require(Role.EDITOR)
def from_inbox() -> _Answer:
    """Plan an import of a file that lies in the inbox."""
    try:
        return _begin(_source(), _imports().from_inbox(request.form.get("file", "")))
    except (SourceError, NotFound) as error:
        return _new_page({"inbox": str(error)})


@blueprint.post("/admin/imports/upload")
@require(Role.EDITOR)
def upload() -> _Answer:
    """Keep an uploaded file in the inbox and plan its import; a file that the source refuses is not kept."""
    file = request.files.get("file")
    if file is None or not file.filename:
        return _new_page({"file": "Choose a file."})
    try:
        source = _source()
        path = _keep(file)
        try:
            return _begin(source, path)
        except BaseException:
            path.unlink()
            raise
    except (SourceError, NotFound) as error:
        return _new_page({"file": str(error)})


def _begin(source: str, path: Path) -> _Answer:
    """Plan the import of a file of the inbox, or where it has a mapping, ask what its columns are before that."""
    if source not in MAPPED:
        return _to_job(_jobs().plan(current_user(), source, path))
    _imports().mapping(path)  # a file that is no table is refused here
    return redirect(url_for("imports.columns", file=path.name), 303)


def _source() -> str:
    name = request.form.get("source", "")
    if name not in SOURCES:
        raise NotFound("Choose a source.")
    return name


def _keep(file: FileStorage) -> Path:
    """Give an uploaded file a name in the inbox that is safe and that no other file has."""
    name = secure_filename(file.filename or "")[-_LONGEST_NAME:].lstrip(".") or "upload"
    stem, dot, ending = name.partition(".")
    file.stream.flush()
    for count in range(1, 10_000):
        path = _imports().inbox / (name if count == 1 else f"{stem}-{count}{dot}{ending}")
        try:
            os.link(str(file.stream.name), path)
        except FileExistsError:
            continue
        return path
    raise SourceError(f"The inbox holds too many files named {name}. Delete some.")


def _new_page(mistakes: dict[str, str] | None = None) -> _Answer:
    page = render_template(
        "admin/import_new.html",
        sources=[one for one in SOURCES.values() if one.name not in SHIPPED],  # Those are folders of the program.
        inbox=_inbox(),
        chosen=(request.form.get("source", ""), request.form.get("file", "")),
        limit=_max_upload(),
        mistakes=mistakes or {},
    )
    return page, 422 if mistakes else 200


def _inbox() -> list[_Waiting]:
    """Return what lies in the inbox, the newest first, without what is still being written."""
    found = []
    for path in _imports().inbox.iterdir():
        if not path.name.startswith(".") and not path.name.endswith(_NO_FILES):
            about = path.stat()
            found.append(_Waiting(path.name, about.st_size, datetime.fromtimestamp(about.st_mtime, UTC)))
    return sorted(found, key=lambda one: one.changed_at, reverse=True)


# The columns of a table


@blueprint.get("/admin/imports/columns")
@require(Role.EDITOR)
def columns() -> _Answer:
    """Ask what the columns of a table in the inbox are."""
    return _columns_page(_inbox_file(request.args))


@blueprint.post("/admin/imports/columns")
@require(Role.EDITOR)
def plan_columns() -> _Answer:
    """Keep what the columns of a table in the inbox are, and plan its import."""
    return _plan_columns(_inbox_file(request.form))


@blueprint.get("/admin/imports/runs/<int:number>/columns")
@require(Role.EDITOR)
def run_columns(number: int) -> _Answer:
    """Ask what the columns of a run's table are."""
    return _columns_page(Path(_with_columns(number).path))


@blueprint.post("/admin/imports/runs/<int:number>/columns")
@require(Role.EDITOR)
def plan_run_columns(number: int) -> _Answer:
    """Keep what the columns of a run's table are, and plan it anew, in place of a plan that waits."""
    found = _with_columns(number)
    return _plan_columns(Path(found.path), found)


def _inbox_file(sent: MultiDict[str, str]) -> Path:
    return _imports().from_inbox(sent.get("file", ""))


def _with_columns(number: int) -> Run:
    found = _imports().run(number)
    if not _has_columns(found):
        raise NotFound(f"Run {number} has no table whose columns could be changed.")
    return found


def _has_columns(found: Run) -> bool:
    changeable = found.source in MAPPED and found.status != "planning" and not found.undo_of
    return changeable and bool(found.path) and Path(found.path).exists()


def _plan_columns(path: Path, earlier: Run | None = None) -> _Answer:
    mapping = _chosen(_shown_mapping(path))
    mistakes = {f"column-{number}" if number else "columns": words for number, words in mistakes_in(mapping).items()}
    if any(job.file == path.name and job.kind == "plan" and job.state == "working" for job in _jobs().open()):
        mistakes["columns"] = f"{path.name} is being planned by other columns right now. Wait for that, or cancel it."
    if mistakes:
        return _columns_page(path, mapping, mistakes)
    _imports().remember_mapping(path, mapping)
    with services().database.transaction() as session:
        audit(session, current_user(), "import-columns", path.name)
    number = _jobs().plan(current_user(), "table", path)
    if earlier and earlier.status in ("planned", "stopped"):
        _discard(earlier.number)
    return _to_job(number)


def _shown_mapping(path: Path) -> Mapping_:
    """Return the mapping of a file for rows of the kind that was asked for."""
    mapping = _imports().mapping(path)
    return as_rows_of(ROWS.get(request.values.get("rows", ""), mapping.kind), mapping)


def _chosen(mapping: Mapping_) -> Mapping_:
    """Return the mapping with the fields that were chosen in the form."""
    fields = (request.form.get(f"column-{number}", "") for number in range(1, len(mapping.columns) + 1))
    columns = (replace(column, field=field) for column, field in zip(mapping.columns, fields, strict=True))
    return replace(mapping, columns=tuple(columns))


def _columns_page(path: Path, mapping: Mapping_ | None = None, mistakes: dict[str, str] | None = None) -> _Answer:
    mapping = mapping or _shown_mapping(path)
    page = render_template(
        "admin/mapping.html",
        file=path.name,
        mapping=mapping,
        others=[rows for rows in ROWS if rows != mapping.rows],
        fields={field: in_words(field) for field in FIELDS[mapping.kind]},
        mistakes=mistakes or {},
    )
    return page, 422 if mistakes else 200


# Jobs


@blueprint.get("/admin/imports/jobs/<int:number>")
@require(Role.VIEWER)
def job(number: int) -> _Answer:
    """Show how far a job has come; one that is done leads to its run."""
    status = _jobs().status(number)
    if status.state == "done" and status.run:
        return redirect(f"/admin/imports/runs/{status.run}", 303)
    return render_template(
        "admin/job.html",
        job=status,
        title=_title(status),
        words=_words(status),
        worker=_jobs().worker_is_running(),
        can_cancel=_can_cancel(status) and current_user().role.may(Role.EDITOR),
    )


@blueprint.get("/admin/imports/jobs/<int:number>.json")
@require(Role.VIEWER)
def job_json(number: int) -> Response:
    """Tell a script of ours how far a job has come."""
    status = _jobs().status(number)
    worker = _jobs().worker_is_running()
    return jsonify({"open": status.is_open, "share": round(status.share, 4), "worker": worker, "words": _words(status)})


@blueprint.post("/admin/imports/jobs/<int:number>/cancel")
@require(Role.EDITOR)
def cancel(number: int) -> _Answer:
    """Cancel a job that waits or is at work."""
    if not _can_cancel(_jobs().status(number)):
        raise NotFound("This job cannot be cancelled any more.")
    _jobs().cancel(current_user(), number)
    return _to_job(number)


def _can_cancel(status: Status) -> bool:
    """Tell whether a job can be cancelled; to undo is one step that nothing can interrupt."""
    return status.is_open and not status.cancelling and (status.kind != "undo" or status.state == "waiting")


def _title(status: Status) -> str:
    return {
        "plan": f"Planning {status.file}",
        "apply": f"Applying run {status.run}",
        "undo": f"Undoing run {status.run}",
    }[status.kind]


def _words(status: Status) -> dict[str, str]:
    """Return what a job's page says of it, by the name of each line."""
    plan, working = status.kind == "plan", status.state == "working"
    state = "is being cancelled" if status.cancelling else _JOB_STATES[status.state]
    read = f"{bytes_in_words(status.done)} of {bytes_in_words(status.total)}" if plan else f"{status.share:.0%}"
    rate = f"{bytes_in_words(status.rate)} a second" if plan else f"{status.share / (status.seconds or 1):.1%} a second"
    return {
        "state": state,
        "done": read if status.total else "nothing yet",
        "rows": f"{status.rows:,}",
        "rate": rate if working and status.done else "not known yet" if status.is_open else rate,
        "remaining": seconds_in_words(status.remaining) if status.remaining is not None else "not known yet",
        "spent": seconds_in_words(status.seconds),
    }


# Runs


@blueprint.get("/admin/imports/runs/<int:number>")
@require(Role.VIEWER)
def run(number: int) -> _Answer:
    """Show what a run did or would do, and what can be done with it."""
    found = _imports().run(number)
    return render_template(
        "admin/run.html",
        run=found,
        state=_RUN_STATES[found.status],
        counts=_COUNTS,
        samples=_imports().samples(number),
        problems=_problems(found),
        seconds=_imports().seconds_to_apply(found),
        outdated=_jobs().outdated(number),
        there=bool(found.path) and Path(found.path).exists(),
        has_columns=_has_columns(found),
        jobs=_jobs().open(number),
        title_of=_title,
        role=current_user().role,
        note=_NOTES.get(request.args.get("note", ""), ""),
    )


def _problems(found: Run) -> list[tuple[str, int, list[RunProblem]]]:
    """Return for each code how many rows have it, and the first ones."""
    rows = select(RunProblem).where(RunProblem.run_id == found.number).order_by(RunProblem.id).limit(_FIRST_ROWS)
    with services().database.transaction() as session:
        found_rows = [
            (code, count, list(session.scalars(rows.where(RunProblem.code == code))))
            for code, count in sorted(found.problems.items())
        ]
        session.expunge_all()
    return found_rows


@blueprint.get("/admin/imports/runs/<int:number>/problems.csv")
@require(Role.VIEWER)
def problems_csv(number: int) -> Response:
    """Give every row that a run could not use and every value that it left out."""
    _imports().run(number)
    response = Response(_imports().problems_csv(number), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="run-{number}-problems.csv"'
    return response


@blueprint.post("/admin/imports/runs/<int:number>/apply")
@require(Role.EDITOR)
def apply(number: int) -> _Answer:
    """Make a plan live."""
    found = _imports().run(number)
    if found.status != "planned":
        raise NotFound(f"Run {number} is not a plan that waits; it is {found.status}.")
    if _jobs().outdated(number):
        return _to_run(number)
    return _to_job(_jobs().apply(current_user(), number))


@blueprint.post("/admin/imports/runs/<int:number>/discard")
@require(Role.EDITOR)
def discard(number: int) -> _Answer:
    """Drop a plan."""
    _discard(number)
    return _to_run(number, "discarded")


@blueprint.post("/admin/imports/runs/<int:number>/undo")
@require(Role.EDITOR)
def undo(number: int) -> _Answer:
    """Restore what was before a run."""
    found = _imports().run(number)
    if found.status != "applied" or found.undo_of:
        raise NotFound(f"Run {number} cannot be undone; it is {found.status}.")
    return _to_job(_jobs().undo(current_user(), number))


@blueprint.post("/admin/imports/runs/<int:number>/again")
@require(Role.EDITOR)
def again(number: int) -> _Answer:
    """Plan the same file anew, in place of a plan that cannot be applied."""
    return _plan_again(number, force=False)


@blueprint.get("/admin/imports/runs/<int:number>/force")
@require(Role.OWNER)
def ask_force(number: int) -> _Answer:
    """Ask whether to go on where a guard has stopped a plan."""
    return render_template("admin/import_force.html", run=_stopped(number))


@blueprint.post("/admin/imports/runs/<int:number>/force")
@require(Role.OWNER)
def force(number: int) -> _Answer:
    """Plan the same file anew without guards."""
    return _plan_again(_stopped(number).number, force=True)


def _stopped(number: int) -> Run:
    found = _imports().run(number)
    if found.status != "stopped":
        raise NotFound(f"Run {number} was not stopped by a guard; it is {found.status}.")
    return found


def _plan_again(number: int, *, force: bool) -> _Answer:
    found = _imports().run(number)
    if not found.path or found.status in ("planning", "applied"):
        raise NotFound(f"Run {number} cannot be planned again; it is {found.status}.")
    job_number = _jobs().plan(current_user(), found.source, Path(found.path), force=force)
    if found.status in ("planned", "stopped"):
        _discard(number)
    return _to_job(job_number)


def _discard(number: int) -> None:
    _imports().discard(number)
    with services().database.transaction() as session:
        audit(session, current_user(), "import-discard", f"run {number}")


def _to_run(number: int, note: str = "") -> _Answer:
    return redirect(f"/admin/imports/runs/{number}" + (f"?note={note}" if note else ""), 303)


def _to_job(number: int) -> _Answer:
    return redirect(f"/admin/imports/jobs/{number}", 303)


def _imports() -> Imports:
    return Imports(services())


def _jobs() -> Jobs:
    jobs = current_app.extensions["finder_jobs"]
    assert isinstance(jobs, Jobs)  # noqa: S101 - init put it there; this tells the type checker
    return jobs


def _max_upload() -> int:
    return int(current_app.extensions["finder_max_upload"])


# Figures in words


def bytes_in_words(count: float) -> str:
    """Return a number of bytes as people read it."""
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:,.1f} {unit}"
    return f"{count:,.0f} bytes"


def seconds_in_words(seconds: float) -> str:
    """Return a span of time as people read it."""
    whole = max(1, round(seconds))
    if whole >= 5400:
        return f"about {whole / 3600:.1f} hours"
    if whole >= 90:
        return f"about {round(whole / 60)} minutes"
    return f"about {whole} second{'s' if whole > 1 else ''}"


def moment(when: datetime | None) -> str:
    """Return a moment in UTC to the minute; the database gives it with or without its zone."""
    if when is None:
        return ""
    return f"{when if when.tzinfo is None else when.astimezone(UTC):%Y-%m-%d %H:%M}"
