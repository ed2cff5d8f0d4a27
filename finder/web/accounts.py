"""The guard that every page under /admin passes, and the pages for signing in, one's own account and the users.

Another admin blueprint marks each view with ``require``; a view without a mark is for owners alone. The guard judges
session, role, origin and form token before the view, so a view never needs to.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import urlencode

from flask import Blueprint, Flask, Response, current_app, g, make_response, redirect, render_template, request
from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from markupsafe import Markup
from werkzeug.wrappers import Response as AnyResponse

from finder import accounts
from finder.accounts import Account, AccountError, Role
from finder.db import Database
from finder.web.context import services
from finder.web.security import from_our_pages

blueprint = Blueprint("accounts", __name__)

COOKIE = "admin_session"
_View = TypeVar("_View", bound=Callable[..., Any])
_Answer = str | tuple[str, int] | AnyResponse
_HOME = "/admin"
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
# The only views that need no session; what is sent to them is counted by address.
_OPEN = frozenset({"accounts.sign_in_form", "accounts.sign_in", "accounts.link_form", "accounts.link"})
_SENT_TO_OPEN = parse("20 per 5 minutes")
_NEXT = re.compile(r"/admin(?:/[A-Za-z0-9._~@:+-]+)*(?:\?[A-Za-z0-9._~%&=+-]*)?")
_NOTES = {
    "signed-out": "You are signed out on every device.",
    "password": "Your password is set. Please sign in with it.",
    "codes-on": "One-time codes are on. Each sign-in asks for one from now on.",
    "codes-off": "One-time codes are off.",
    "role": "The role is changed.",
    "active": "The account is changed.",
}
_SIGN_IN_REFUSED = (
    "The name, the password or the code does not fit. After five such tries an account is closed for 15 minutes. "
    "If you have forgotten your password, ask an owner for a link."
)


@dataclass(frozen=True, slots=True)
class Area:
    """One part of the admin area, as the start page and the navigation show it."""

    title: str
    path: str
    role: Role
    words: str


def init(app: Flask) -> None:
    """Guard everything under /admin and add the pages of this module."""
    app.extensions["admin_areas"] = []
    app.before_request(_guard(MovingWindowRateLimiter(MemoryStorage()), secrets.token_bytes(16)))
    app.after_request(_kept_by_nobody)
    app.jinja_env.globals.update(csrf_field=csrf_field, signed_in=signed_in, admin_areas=areas)
    app.register_blueprint(blueprint)
    add_area(app, Area("My account", "/admin/account", Role.VIEWER, "Your password and one-time codes."))
    add_area(app, Area("Users", "/admin/users", Role.OWNER, "Who may work here, and what was done."))


def add_area(app: Flask, area: Area) -> None:
    """Show a part of the admin area to everybody whose role is enough for it."""
    app.extensions["admin_areas"].append(area)


def areas() -> list[Area]:
    """Return the parts that the signed-in user may use, in the order in which they were added."""
    account = signed_in()
    return [one for one in current_app.extensions["admin_areas"] if account and account.role.may(one.role)]


def require(role: Role | str) -> Callable[[_View], _View]:
    """Mark a view as open to everybody with this role or a higher one."""

    def mark(view: _View) -> _View:
        view.admin_role = Role(role)  # type: ignore[attr-defined]  # functions take attributes
        return view

    return mark


def accepts(max_bytes: int) -> Callable[[_View], _View]:
    """Mark a view as reading request bodies up to this size, such as an uploaded file."""

    def mark(view: _View) -> _View:
        view.admin_max_bytes = max_bytes  # type: ignore[attr-defined]  # functions take attributes
        return view

    return mark


def signed_in() -> Account | None:
    """Return who is signed in, if anybody is."""
    account: Account | None = g.get("admin_account")
    return account


def current_user() -> Account:
    """Return who is signed in; for views behind the guard, where somebody is."""
    account = signed_in()
    if account is None:
        raise LookupError("nobody is signed in")
    return account


def csrf_field() -> Markup:
    """Return the hidden field that every form with method="post" under /admin must hold."""
    return Markup('<input type="hidden" name="csrf" value="{}">').format(_form_token(request.cookies[COOKIE]))


# The guard


def _guard(limiter: MovingWindowRateLimiter, secret: bytes) -> Callable[[], _Answer | None]:
    def guard() -> _Answer | None:
        if not _is_admin():
            return None
        token = request.cookies.get(COOKIE, "")
        g.admin_account = accounts.signed_in(_database(), token, _now()) if token else None
        sends = request.method not in _READING
        if sends and not from_our_pages():
            return _refuse(403, "This was not sent from here", "Go back, reload the page and send it again.")
        if request.endpoint not in _OPEN:
            return _refuse_signed_out() or _refuse_role() or (_refuse_form() if sends else None)
        # Addresses are counted under a hash that no other process can make.
        address = hashlib.blake2b((request.remote_addr or "").encode(), key=secret, digest_size=16).hexdigest()
        if sends and not limiter.hit(_SENT_TO_OPEN, address):
            refused = _refuse(429, "Too many tries", "Too much was sent from your address. Wait five minutes.")
            refused.headers["Retry-After"] = str(_SENT_TO_OPEN.get_expiry())
            return refused
        return None

    return guard


def _is_admin() -> bool:
    return request.path == _HOME or request.path.startswith(f"{_HOME}/")


def _kept_by_nobody(response: Response) -> Response:
    if _is_admin():
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Robots-Tag"] = "noindex"
    return response


def _refuse_signed_out() -> _Answer | None:
    if signed_in():
        return None
    query = request.query_string.decode("latin-1")
    asked = safe_next(f"{request.path}?{query}" if query else request.path) if request.method == "GET" else _HOME
    return redirect("/admin/sign-in" + (f"?{urlencode({'next': asked})}" if asked != _HOME else ""), 303)


def _refuse_role() -> _Answer | None:
    account, needed = current_user(), _mark("admin_role", Role.OWNER)
    if request.endpoint is None or account.role.may(needed):
        return None
    words = (
        f"You are signed in as {account.name}, {account.role}. This needs the role {needed}. An owner can change it."
    )
    return _refuse(403, "Your role is not enough for this", words)


def _refuse_form() -> _Answer | None:
    request.max_content_length = _mark("admin_max_bytes", request.max_content_length)
    expected = _form_token(request.cookies[COOKIE])
    if hmac.compare_digest(request.form.get("csrf", "").encode(), expected.encode()):
        return None
    return _refuse(403, "This form is too old", "Go back, reload the page and send it again.")


def _mark(name: str, default: Any) -> Any:
    return getattr(current_app.view_functions.get(request.endpoint or ""), name, default)


def _refuse(status: int, title: str, words: str) -> AnyResponse:
    return make_response(render_template("admin/refused.html", title=title, words=words), status)


def _form_token(token: str) -> str:
    return hmac.new(token.encode(), b"form", hashlib.sha256).hexdigest()


def safe_next(text: str) -> str:
    """Return an address under /admin to go on to; anything else becomes the start page."""
    return text if _NEXT.fullmatch(text) and ".." not in text else _HOME


def _database() -> Database:
    return services().database


def _now() -> datetime:
    return datetime.now(UTC)


def _note() -> str:
    return _NOTES.get(request.args.get("note", ""), "")


# Start, signing in and out


@blueprint.get("/admin")
@require(Role.VIEWER)
def home() -> _Answer:
    """Show what the signed-in user may do here."""
    return render_template("admin/home.html")


@blueprint.get("/admin/sign-in")
def sign_in_form() -> _Answer:
    """Ask who somebody is."""
    return redirect(_HOME, 303) if signed_in() else _sign_in_page(request.args.get("next", ""))


@blueprint.post("/admin/sign-in")
def sign_in() -> _Answer:
    """Begin a session, or say that something does not fit."""
    typed = {name: request.form.get(name, "") for name in ("name", "password", "code")}
    token = accounts.sign_in(_database(), typed["name"], typed["password"], typed["code"], _now())
    asked = request.form.get("next", "")
    if token is None:
        return _sign_in_page(asked, typed["name"], {"name": _SIGN_IN_REFUSED}), 422
    response = redirect(safe_next(asked), 303)
    response.set_cookie(COOKIE, token, path=_HOME, httponly=True, samesite="Strict", secure=request.is_secure)
    return response


def _sign_in_page(asked: str, name: str = "", mistakes: dict[str, str] | None = None) -> str:
    asked = safe_next(asked)
    return render_template("admin/sign_in.html", next=asked, name=name, mistakes=mistakes or {}, note=_note())


@blueprint.post("/admin/sign-out")
@require(Role.VIEWER)
def sign_out() -> _Answer:
    """End the sessions of whoever is signed in."""
    accounts.sign_out(_database(), current_user())
    return _to_sign_in("signed-out")


def _to_sign_in(note: str) -> AnyResponse:
    response = redirect(f"/admin/sign-in?note={note}", 303)
    response.delete_cookie(COOKIE, path=_HOME, httponly=True, samesite="Strict", secure=request.is_secure)
    return response


@blueprint.get("/admin/link/<token>")
def link_form(token: str) -> _Answer:
    """Ask for the password that a link sets."""
    return _link_page(token)


@blueprint.post("/admin/link/<token>")
def link(token: str) -> _Answer:
    """Set the password that a link sets."""
    try:
        accounts.accept_link(_database(), token, _new_password(), _now())
    except AccountError as error:
        return _link_page(token, {"new": str(error)})
    return _to_sign_in("password")


def _link_page(token: str, mistakes: dict[str, str] | None = None) -> _Answer:
    name = accounts.invited(_database(), token, _now())
    if name is None:
        return _refuse(404, "This link does not work", accounts.LINK_REFUSED)
    page = render_template("admin/link.html", token=token, name=name, mistakes=mistakes or {})
    return page, 422 if mistakes else 200


def _new_password() -> str:
    if request.form.get("new", "") != request.form.get("again", ""):
        raise AccountError("The two new passwords are not the same.")
    return request.form.get("new", "")


# One's own account


@blueprint.get("/admin/account")
@require(Role.VIEWER)
def account() -> _Answer:
    """Show one's own account."""
    return _account_page()


def _account_page(field: str = "", mistake: str = "") -> _Answer:
    waiting = None if current_user().uses_codes else accounts.waiting_secret(_database(), current_user())
    mistakes = {field: mistake} if mistake else {}
    page = render_template("admin/account.html", waiting=waiting, mistakes=mistakes, note=_note())
    return page, 422 if mistakes else 200


@blueprint.post("/admin/account/password")
@require(Role.VIEWER)
def change_password() -> _Answer:
    """Set a new password, which ends every session."""
    try:
        old, new = request.form.get("old", ""), _new_password()
        accounts.change_password(_database(), current_user(), old, new, _now())
    except AccountError as error:
        return _account_page("old" if str(error) == accounts.REFUSED else "new", str(error))
    return _to_sign_in("password")


@blueprint.post("/admin/account/codes/start")
@require(Role.VIEWER)
def start_codes() -> _Answer:
    """Make a secret for one-time codes and show it."""
    return _codes(lambda: accounts.start_codes(_database(), current_user()), "")


@blueprint.post("/admin/account/codes/confirm")
@require(Role.VIEWER)
def confirm_codes() -> _Answer:
    """Turn one-time codes on."""
    password, code = request.form.get("password", ""), request.form.get("code", "")
    return _codes(lambda: accounts.confirm_codes(_database(), current_user(), password, code, _now()), "codes-on")


@blueprint.post("/admin/account/codes/stop")
@require(Role.VIEWER)
def stop_codes() -> _Answer:
    """Turn one-time codes off."""
    password = request.form.get("password", "")
    return _codes(lambda: accounts.stop_codes(_database(), current_user(), password, _now()), "codes-off")


def _codes(change: Callable[[], None], note: str) -> _Answer:
    try:
        change()
    except AccountError as error:
        return _account_page("codes", str(error))
    return redirect("/admin/account" + (f"?note={note}" if note else "#codes"), 303)


# The users


@blueprint.get("/admin/users")
@require(Role.OWNER)
def users() -> _Answer:
    """Show every user and what was done last."""
    return _users_page()


def _users_page(mistakes: dict[str, str] | None = None, link_for: tuple[str, str] | None = None) -> _Answer:
    page = render_template(
        "admin/users.html",
        users=accounts.users(_database(), _now()),
        events=accounts.events(_database()),
        roles=list(Role),
        link_for=link_for,
        mistakes=mistakes or {},
        typed=request.form.get("name", ""),
        note=_note(),
    )
    return page, 422 if mistakes else 200


@blueprint.post("/admin/users")
@require(Role.OWNER)
def invite() -> _Answer:
    """Make a user and show the link that sets the first password; it is shown only now."""
    name = request.form.get("name", "")
    try:
        token = accounts.add_user(_database(), current_user(), name, _role(), _now())
    except AccountError as error:
        return _users_page({"name": str(error)})
    return _users_page(link_for=(accounts.tidy_name(name), _link_address(token)))


@blueprint.post("/admin/users/<name>/reset")
@require(Role.OWNER)
def reset(name: str) -> _Answer:
    """End a user's password and show the link that sets a new one; it is shown only now."""
    try:
        token = accounts.reset(_database(), current_user(), name, _now())
    except AccountError as error:
        return _users_page({"users": str(error)})
    return _users_page(link_for=(name, _link_address(token)))


@blueprint.post("/admin/users/<name>/role")
@require(Role.OWNER)
def set_role(name: str) -> _Answer:
    """Give a user another role."""
    return _user_change(lambda: accounts.set_role(_database(), current_user(), name, _role()), "role")


@blueprint.post("/admin/users/<name>/deactivate")
@require(Role.OWNER)
def deactivate(name: str) -> _Answer:
    """Close a user's account."""
    return _user_change(lambda: accounts.set_active(_database(), current_user(), name, active=False), "active")


@blueprint.post("/admin/users/<name>/activate")
@require(Role.OWNER)
def activate(name: str) -> _Answer:
    """Open a closed account again."""
    return _user_change(lambda: accounts.set_active(_database(), current_user(), name, active=True), "active")


def _user_change(change: Callable[[], None], note: str) -> _Answer:
    try:
        change()
    except AccountError as error:
        return _users_page({"users": str(error)})
    return redirect(f"/admin/users?note={note}", 303)


def _role() -> Role:
    try:
        return Role(request.form.get("role", ""))
    except ValueError as error:
        raise AccountError(f"The role is one of {', '.join(Role)}.") from error


def _link_address(token: str) -> str:
    return f"{request.host_url}admin/link/{token}"
