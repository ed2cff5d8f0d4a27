"""The review queue and the record page: where editors judge, correct, hide, join, part and place by hand."""

from collections.abc import Callable, Mapping

from flask import Blueprint, Flask, redirect, render_template, request
from sqlalchemy.exc import OperationalError
from werkzeug.wrappers import Response

from finder import reviews
from finder.accounts import Account, Role
from finder.domain.dates import words
from finder.editing import CannotEdit, Editor
from finder.errors import FinderError, NotFound
from finder.history import History, find, history
from finder.web import maps
from finder.web.accounts import Area, add_area, current_user, require
from finder.web.context import services

blueprint = Blueprint("editing", __name__)

_Answer = str | tuple[str, int] | Response
_NOTES = {
    "correct": "The correction stands.",
    "withdraw": "The correction is withdrawn. The sources speak again.",
    "hide": "The entry is hidden.",
    "show": "The entry is shown again.",
    "place": "The pin is placed.",
    "merge": "The record is joined to the other entry.",
    "split": "The record stands for itself now.",
    "decided": "Decided. Nothing of this kind waits any more.",
    "next": "Decided. This is the next one.",
}


def init(app: Flask) -> None:
    """Add the pages; ``finder.web.accounts.init`` must have run before."""
    app.register_blueprint(blueprint)
    add_area(app, Area("Review", "/admin/review", Role.VIEWER, "Reports, possible duplicates, and what has no place."))
    add_area(app, Area("Records", "/admin/records", Role.VIEWER, "Every entry with its sources, and corrections."))


@blueprint.errorhandler(FinderError)
def _refused(error: FinderError) -> _Answer:
    return render_template("admin/refused.html", title="This cannot be done", words=str(error)), error.status


@blueprint.errorhandler(OperationalError)
def _locked(_error: OperationalError) -> _Answer:
    said = "Wait until the running import is done, then try again."
    return render_template("admin/refused.html", title="The directory is being changed", words=said), 503


def _editor() -> Editor:
    parts = services()
    return Editor(parts.database, parts.place_of, parts.terminology)


def _may_edit() -> bool:
    return current_user().role.may(Role.EDITOR)


def _note() -> str:
    return _NOTES.get(request.args.get("note", ""), "")


# The queue


@blueprint.get("/admin/review")
@require(Role.VIEWER)
def queue() -> _Answer:
    """Show how much waits of each kind, and one page of one kind."""
    counts = reviews.counts(services().database)
    fullest = next((kind for kind, count in counts.items() if count), next(iter(counts)))
    kind = request.args.get("kind", fullest)
    if kind not in counts:
        raise NotFound(f"There is no kind {kind!r}; there are {', '.join(counts)}.")
    page = max(1, request.args.get("page", 1, int))
    lines = reviews.queue(services().database, kind, page)
    return render_template(
        "admin/review.html",
        kinds=reviews.KINDS,
        counts=counts,
        kind=kind,
        lines=lines,
        page=page,
        has_next=page * reviews.PAGE_SIZE < counts[kind],
        note=_note(),
    )


@blueprint.get("/admin/review/<int:number>")
@require(Role.VIEWER)
def item(number: int) -> _Answer:
    """Show one thing that waits, with both sides."""
    return _item_page(number)


def _item_page(number: int, mistake: str = "", status: int = 200) -> _Answer:
    found = reviews.item(services().database, number)
    page = render_template(
        "admin/review_item.html",
        item=found,
        kind_words=reviews.KINDS[found.kind],
        may_edit=_may_edit(),
        mistakes={"verdict": mistake} if mistake else {},
        note=_note(),
    )
    return page, status


@blueprint.post("/admin/review/<int:number>")
@require(Role.EDITOR)
def decide(number: int) -> _Answer:
    """Decide one thing and go on to the next of its kind."""
    try:
        kind = reviews.decide(_editor(), number, request.form.get("verdict", ""), current_user())
    except CannotEdit as error:
        return _item_page(number, str(error), error.status)
    after = reviews.following(services().database, kind)
    if after:
        return redirect(f"/admin/review/{after}?note=next", 303)
    return redirect(f"/admin/review?kind={kind}&note=decided", 303)


# Entries


@blueprint.get("/admin/records")
@require(Role.VIEWER)
def records() -> _Answer:
    """Find an entry by its name, number or id."""
    typed = request.args.get("q", "")
    return render_template("admin/records.html", typed=typed, found=find(services().database, typed))


@blueprint.get("/admin/records/<layer>/<resource_id>")
@require(Role.VIEWER)
def record(layer: str, resource_id: str) -> _Answer:
    """Show everything about one entry, and the forms to change it."""
    return _record_page(_history(layer, resource_id))


def _history(layer: str, resource_id: str) -> History:
    found = history(services().database, resource_id)
    if found.layer != layer:
        raise NotFound(f"There is no entry with this id among the {layer}.")
    return found


def _record_page(found: History, action: str = "", error: FinderError | None = None) -> _Answer:
    field = (error.field if isinstance(error, CannotEdit) else "") or "form"
    page = render_template(
        "admin/record.html",
        entry=found,
        may_edit=_may_edit(),
        action=action,
        mistakes={f"{action}-{field}": str(error)} if error else {},
        typed=request.form if error else request.args,
        map_data=maps.map_json(None, _pins(found)),
        date_words=words,
        note=_note(),
    )
    return page, error.status if error else 200


def _pins(found: History) -> list[maps.Pin]:
    if found.point is None:
        return []
    url, point = f"/{found.layer}/{found.id}", found.point
    return [maps.Pin(found.id, found.layer.value, found.name, point.latitude, point.longitude, "", url, 1)]


@blueprint.post("/admin/records/<layer>/<resource_id>/<action>")
@require(Role.EDITOR)
def change(layer: str, resource_id: str, action: str) -> _Answer:
    """Change one entry by hand."""
    found = _history(layer, resource_id)
    act = _ACTIONS.get(action)
    if act is None:
        raise NotFound("There is no such change.")
    try:
        act(_editor(), found, request.form, current_user())
    except FinderError as error:
        return _record_page(found, action, error)
    return redirect(f"/admin/records/{layer}/{_still_there(found)}?note={action}", 303)


def _still_there(found: History) -> str:
    """Return the id of an entry, or of the one that its last record was joined to."""
    try:
        return history(services().database, found.id).id
    except NotFound:
        return request.form.get("resource_id", "").strip()


_Form = Mapping[str, str]


def _correct(editor: Editor, entry: History, form: _Form, who: Account) -> None:
    editor.correct(entry.id, form.get("field", ""), form.get("value", ""), form.get("reason", ""), who)


def _withdraw(editor: Editor, entry: History, form: _Form, who: Account) -> None:
    own = {str(one.number) for field in entry.fields for one in field.corrections}
    if form.get("number") not in own:
        raise NotFound("This entry has no such correction.")
    editor.withdraw(int(form["number"]), who)


def _hide(editor: Editor, entry: History, form: _Form, who: Account) -> None:
    editor.hide(entry.id, form.get("reason", ""), who)


def _show(editor: Editor, entry: History, _form: _Form, who: Account) -> None:
    editor.show(entry.id, who)


def _place(editor: Editor, entry: History, form: _Form, who: Account) -> None:
    editor.place(entry.id, form.get("latitude", ""), form.get("longitude", ""), form.get("reason", ""), who)


def _own_record(entry: History, form: _Form) -> tuple[str, str]:
    for one in entry.records:
        if str(one.number) == form.get("record"):
            return one.source, one.key
    raise NotFound("This entry has no such record.")


def _merge(editor: Editor, entry: History, form: _Form, who: Account) -> None:
    editor.merge(*_own_record(entry, form), form.get("resource_id", "").strip(), who)


def _split(editor: Editor, entry: History, form: _Form, who: Account) -> None:
    editor.split(*_own_record(entry, form), who)


_ACTIONS: Mapping[str, Callable[[Editor, History, _Form, Account], None]] = {
    "correct": _correct,
    "withdraw": _withdraw,
    "hide": _hide,
    "show": _show,
    "place": _place,
    "merge": _merge,
    "split": _split,
}
