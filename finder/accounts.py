"""Who may work in the admin area: users, passwords, one-time codes, sessions, links and the audit trail.

Names are compared in lower case. Every function that judges takes the time, and no answer tells whether a name exists.
"""

import hashlib
import hmac
import re
import secrets
import unicodedata
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import pyotp
from pyotp.exceptions import OTPVerificationError
from sqlalchemy import ColumnElement, CursorResult, Row, case, delete, null, or_, select, update
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session

from finder.db import Database
from finder.db.models import AuditEvent, User, UserSession
from finder.errors import FinderError

IDLE = timedelta(minutes=30)
LONGEST = timedelta(hours=12)
LINK_VALID = timedelta(hours=48)
LOCKED_FOR = timedelta(minutes=15)
TRIES = 5
SHORTEST_PASSWORD = 12
REFUSED = "The password does not fit, or the account is closed for 15 minutes after five tries that did not fit."
LINK_REFUSED = "This link has been used, is older than 48 hours, or is not complete. Ask an owner for a new one."

_ISSUER = "ALL Care Finder"
_NAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{2,63}")
_SEEN_EVERY = timedelta(minutes=1)
_COST, _BLOCK, _LANES = 2**15, 8, 1
# What a try is measured against where there is no account: it takes as long, and nothing fits it.
_NO_HASH = f"scrypt${_COST}${_BLOCK}${_LANES}${'00' * 16}${'00' * 32}"
_NO_SECRET = "A" * 32


class Role(StrEnum):
    """What somebody may do; each role may also do what those before it may."""

    VIEWER = "viewer"
    EDITOR = "editor"
    OWNER = "owner"

    def may(self, needed: "Role") -> bool:
        """Tell whether this role is enough for something that needs that one."""
        ranks = list(Role)
        return ranks.index(self) >= ranks.index(needed)


class AccountError(FinderError):
    """Something about an account cannot be done; the message says why and how to go on."""

    status = 422
    code = "account"


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who acts: a signed-in user, or COMMAND_LINE."""

    name: str
    role: Role
    uses_codes: bool = False


# No user can have this name, because it holds a blank.
COMMAND_LINE = Account("command line", Role.OWNER)


@dataclass(frozen=True, slots=True)
class UserLine:
    """One user in the list of users; ``invited`` tells that a link waits to be used."""

    name: str
    role: Role
    active: bool
    has_password: bool
    uses_codes: bool
    invited: bool
    locked: bool


def audit(session: Session, user: Account | None, action: str, subject: str = "", detail: str = "") -> None:
    """Record who did what to what, in the same transaction; never give it a secret or anything about a visitor."""
    who = user.name if user else ""
    session.add(AuditEvent(at=datetime.now(UTC), who=who, action=action, subject=subject, detail=detail))


def events(database: Database, limit: int = 50) -> list[AuditEvent]:
    """Return what was done last, newest first."""
    with database.transaction() as session:
        found = list(
            session.scalars(select(AuditEvent).order_by(AuditEvent.at.desc(), AuditEvent.id.desc()).limit(limit))
        )
        session.expunge_all()
    for event in found:
        event.at = event.at.replace(tzinfo=UTC) if event.at.tzinfo is None else event.at.astimezone(UTC)
    return found


# Passwords and secrets


def hash_password(password: str) -> str:
    """Return what may be kept of a password; scrypt's parameters and the salt stand in it."""
    salt = secrets.token_bytes(16)
    key = _derive(password, salt, _COST, _BLOCK, _LANES)
    return f"scrypt${_COST}${_BLOCK}${_LANES}${salt.hex()}${key.hex()}"


def password_fits(password: str, kept: str) -> bool:
    """Tell whether a password is the one that was kept; takes the same time for every password."""
    _, cost, block, lanes, salt, key = kept.split("$")
    derived = _derive(password, bytes.fromhex(salt), int(cost), int(block), int(lanes))
    return hmac.compare_digest(derived, bytes.fromhex(key))


def _derive(password: str, salt: bytes, cost: int, block: int, lanes: int) -> bytes:
    # The same characters may be typed as different code points on different keyboards.
    typed = unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")
    return hashlib.scrypt(typed, salt=salt, n=cost, r=block, p=lanes, maxmem=256 * cost * block, dklen=32)


def check_password(name: str, password: str) -> None:
    """Raise AccountError for a password that is too easily guessed."""
    if len(password) < SHORTEST_PASSWORD:
        raise AccountError(
            f"The password needs at least {SHORTEST_PASSWORD} characters. A few words together are good."
        )
    if len(password.lower().replace(name, "")) < SHORTEST_PASSWORD:
        raise AccountError(f"The password needs {SHORTEST_PASSWORD} characters beside the user’s name.")
    if len(set(password)) < 5:
        raise AccountError("The password needs at least five different characters.")


def tidy_name(text: str) -> str:
    """Return a user's name as it is kept; raises AccountError for one that cannot be."""
    name = text.strip().lower()
    if not _NAME.fullmatch(name):
        raise AccountError(
            "A user’s name has 3 to 64 letters, digits or the signs . _ @ + - and begins with a letter or digit."
        )
    return name


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


# Proving who one is


def sign_in(database: Database, name: str, password: str, code: str, now: datetime) -> str | None:
    """Return the token of a new session, or None where the name, password or code does not fit or is closed."""
    name = name.strip().lower()
    name = name if _NAME.fullmatch(name) else ""
    if not _prove(database, name, password, code, now, "sign-in"):
        return None
    token = secrets.token_urlsafe(32)
    with database.transaction() as session:
        session.execute(
            delete(UserSession).where(or_(UserSession.made_at <= now - LONGEST, UserSession.seen_at <= now - IDLE))
        )
        session.add(UserSession(token=_digest(token), user_name=name, made_at=now, seen_at=now))
        audit(session, Account(name, Role.VIEWER), "sign-in", name)
    return token


def _prove(database: Database, name: str, password: str, code: str | None, now: datetime, action: str) -> bool:
    """Judge one try, with the same work whoever is named; without ``code`` only the password counts."""
    with database.transaction() as session:
        tried = _take_try(session, name, now)
    right = password_fits(password, tried.password if tried else _NO_HASH)
    step = _step_of(code or "", tried.code_secret if tried else "", now)
    with database.transaction() as session:
        if tried and right and _pardon(session, tried, step, with_code=code is not None):
            return True
        known = session.scalar(select(User.name).where(User.name == name))
        audit(session, None, f"{action}-refused", known or "")
    return False


def _take_try(session: Session, name: str, now: datetime) -> Row[str, str, str] | None:
    """Count a try before it is judged, so that many at the same moment cannot outrun the count."""
    last = User.failures >= TRIES - 1
    statement = (
        update(User)
        .where(
            User.name == name,
            User.active,
            User.password != "",
            or_(User.locked_until.is_(None), User.locked_until <= now),
        )
        .values(
            failures=case((last, 0), else_=User.failures + 1),
            locked_until=case((last, now + LOCKED_FOR), else_=null()),
        )
        .returning(User.name, User.password, User.code_secret)
    )
    return session.execute(statement).one_or_none()


def _pardon(session: Session, tried: Row[str, str, str], step: int, *, with_code: bool) -> bool:
    """Take the count back after a try that fits, unless its code was used or the account changed meanwhile."""
    conditions: list[ColumnElement[bool]] = [
        User.name == tried.name,
        User.active.is_(True),
        User.password == tried.password,
    ]
    if with_code:
        conditions.append(or_(User.code_since.is_(None), User.code_step < step))
    used = case((User.code_step < step, step), else_=User.code_step)
    return _changed(session, conditions, failures=0, locked_until=None, code_step=used)


def _step_of(code: str, secret: str, now: datetime) -> int:
    """Return the step of time whose code this is, one before or after the present allowed, or 0."""
    totp = pyotp.TOTP(secret or _NO_SECRET)
    try:
        step = totp.verify_and_get_timecode(re.sub(r"\s", "", code), for_time=now, valid_window=1)
    except OTPVerificationError:
        return 0
    return step if secret else 0


def _changed(session: Session, conditions: Sequence[ColumnElement[bool]], **values: object) -> bool:
    done = session.execute(
        update(User).where(*conditions).values(**values).execution_options(synchronize_session=False)
    )
    return isinstance(done, CursorResult) and done.rowcount == 1


# Sessions


def signed_in(database: Database, token: str, now: datetime) -> Account | None:
    """Return whose session this is while it lives, and note that it was used."""
    key = _digest(token)
    live = (
        UserSession.token == key,
        UserSession.made_at > now - LONGEST,
        UserSession.seen_at > now - IDLE,
        User.active,
    )
    columns = (User.name, User.role, User.code_since, UserSession.seen_at <= now - _SEEN_EVERY)
    with database.reading() as connection:
        found = connection.execute(
            select(*columns).join(User, User.name == UserSession.user_name).where(*live)
        ).one_or_none()
    if found is None:
        return None
    name, role, code_since, stale = found
    if stale:
        # While an import is made live the embedded database takes no other writer; the note can wait for the next page.
        with suppress(OperationalError), database.transaction() as session:
            session.execute(update(UserSession).where(UserSession.token == key).values(seen_at=now))
    return Account(name, Role(role), code_since is not None)


def sign_out(database: Database, account: Account) -> None:
    """End every session of a user."""
    with database.transaction() as session:
        _end_sessions(session, account.name)
        audit(session, account, "sign-out", account.name)


def _end_sessions(session: Session, name: str) -> None:
    session.execute(delete(UserSession).where(UserSession.user_name == name))


# One's own account


def change_password(database: Database, account: Account, old: str, new: str, now: datetime) -> None:
    """Set a new password and end every session; raises AccountError where the old one does not fit."""
    check_password(account.name, new)
    if not _prove(database, account.name, old, None, now, "password-change"):
        raise AccountError(REFUSED)
    kept = hash_password(new)
    with database.transaction() as session:
        _changed(session, [User.name == account.name], password=kept, link=None, link_until=None)
        _end_sessions(session, account.name)
        audit(session, account, "password-change", account.name)


def start_codes(database: Database, account: Account) -> None:
    """Make a new secret for one-time codes, which counts only once a code from it was shown."""
    with database.transaction() as session:
        fresh = [User.name == account.name, User.code_since.is_(None)]
        if not _changed(session, fresh, code_secret=pyotp.random_base32(), code_step=0):
            raise AccountError("One-time codes are on already. Turn them off first.")
        audit(session, account, "codes-start", account.name)


def waiting_secret(database: Database, account: Account) -> tuple[str, str] | None:
    """Return the secret that waits for its first code, as text and as an otpauth address, or None."""
    with database.reading() as connection:
        statement = select(User.code_secret).where(User.name == account.name, User.code_since.is_(None))
        secret = connection.scalar(statement)
    if not secret:
        return None
    return secret, pyotp.TOTP(secret).provisioning_uri(name=account.name, issuer_name=_ISSUER)


def confirm_codes(database: Database, account: Account, password: str, code: str, now: datetime) -> None:
    """Ask for one-time codes from now on; raises AccountError unless password and code fit."""
    waiting = waiting_secret(database, account)
    if waiting is None or not _prove(database, account.name, password, None, now, "codes-on"):
        raise AccountError(REFUSED)
    step = _step_of(code, waiting[0], now)
    with database.transaction() as session:
        same = [User.name == account.name, User.code_since.is_(None), User.code_secret == waiting[0]]
        if not step or not _changed(session, same, code_since=now, code_step=step):
            raise AccountError(
                "This code does not fit. Check that the clock of your device is right, and take the next code."
            )
        audit(session, account, "codes-on", account.name)


def stop_codes(database: Database, account: Account, password: str, now: datetime) -> None:
    """Ask for no one-time codes any more; raises AccountError where the password does not fit."""
    if not _prove(database, account.name, password, None, now, "codes-off"):
        raise AccountError(REFUSED)
    with database.transaction() as session:
        _changed(session, [User.name == account.name], code_secret="", code_since=None, code_step=0)
        audit(session, account, "codes-off", account.name)


# Links that set a first or new password


def add_user(database: Database, by: Account, name: str, role: Role, now: datetime) -> str:
    """Make a user without a password and return the token of the link with which to set one."""
    name = tidy_name(name)
    try:
        with database.transaction() as session:
            session.add(User(name=name, role=role.value, made_at=now))
            session.flush()
            audit(session, by, "user-add", name, role.value)
            return _new_link(session, name, now)
    except IntegrityError as error:
        raise AccountError(f"There is a user {name} already.") from error


def reset(database: Database, by: Account, name: str, now: datetime) -> str:
    """End a user's password, codes, lock and sessions, and return the token of a link that sets a new password."""
    name = tidy_name(name)
    with database.transaction() as session:
        cleared: dict[str, Any] = {"password": "", "code_secret": "", "code_since": None, "code_step": 0}
        if not _changed(session, [User.name == name, User.active.is_(True)], failures=0, locked_until=None, **cleared):
            raise AccountError(f"There is no active user {name}.")
        _end_sessions(session, name)
        audit(session, by, "user-reset", name)
        return _new_link(session, name, now)


def _new_link(session: Session, name: str, now: datetime) -> str:
    token = secrets.token_urlsafe(32)
    _changed(session, [User.name == name], link=_digest(token), link_until=now + LINK_VALID)
    return token


def invited(database: Database, token: str, now: datetime) -> str | None:
    """Return the name of the user for whom a link is, while it is good."""
    with database.reading() as connection:
        return connection.scalar(select(User.name).where(*_good_link(token, now)))


def accept_link(database: Database, token: str, password: str, now: datetime) -> str:
    """Set the password of the user for whom a link is, once, and return the name; raises AccountError."""
    name = invited(database, token, now)
    if name is None:
        raise AccountError(LINK_REFUSED)
    check_password(name, password)
    kept = hash_password(password)
    with database.transaction() as session:
        if not _changed(session, _good_link(token, now), password=kept, link=None, link_until=None):
            raise AccountError(LINK_REFUSED)
        _end_sessions(session, name)
        audit(session, Account(name, Role.VIEWER), "link-used", name)
    return name


def _good_link(token: str, now: datetime) -> list[ColumnElement[bool]]:
    return [User.link == _digest(token), User.link_until > now, User.active.is_(True)]


# All users


def users(database: Database, now: datetime) -> list[UserLine]:
    """Return every user by name."""
    columns = (
        User.name,
        User.role,
        User.active,
        User.password != "",
        User.code_since.is_not(None),
        case((User.link_until > now, True), else_=False),
        case((User.locked_until > now, True), else_=False),
    )
    with database.reading() as connection:
        rows = connection.execute(select(*columns).order_by(User.name)).all()
    return [UserLine(name, Role(role), *(bool(one) for one in marks)) for name, role, *marks in rows]


def set_role(database: Database, by: Account, name: str, role: Role) -> None:
    """Give a user another role, which counts from the next request; raises AccountError for the last owner."""
    with database.transaction() as session:
        _change_user(session, name, role=role.value)
        audit(session, by, "user-role", name, role.value)


def set_active(database: Database, by: Account, name: str, *, active: bool) -> None:
    """Close an account, with its sessions and link, or open it again; raises AccountError for the last owner."""
    with database.transaction() as session:
        if active:
            _change_user(session, name, active=True)
        else:
            _change_user(session, name, active=False, link=None, link_until=None)
            _end_sessions(session, name)
        audit(session, by, "user-activate" if active else "user-deactivate", name)


def _change_user(session: Session, name: str, **values: object) -> None:
    name = tidy_name(name)
    owners = select(User.name).where(User.role == Role.OWNER.value, User.active)
    before = session.scalars(owners.with_for_update()).all()
    if not _changed(session, [User.name == name], **values):
        raise AccountError(f"There is no user {name}.")
    if before and not session.scalars(owners).all():
        raise AccountError("One owner must stay. Make somebody else an owner first.")
