"""The commands that keep the users of the admin area; the first owner is made here, for no password exists before."""

import argparse
import getpass
import os
import sys
from datetime import UTC, datetime

from finder import accounts
from finder.accounts import COMMAND_LINE, AccountError, Role
from finder.db import Database
from finder.settings import load

_LINK = "Open this path of the site within 48 hours; it sets the password and works once:"


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``user`` with its own commands to the command line."""
    parser = commands.add_parser("user", help="keep the users of the admin area")
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    command = _named(actions, "add", "make a user; asks for the password on a terminal, else prints a link")
    command.add_argument("--role", choices=list(Role), default=Role.VIEWER)
    command.add_argument("--link", action="store_true", help="print a link that sets the password, ask for none")
    command.set_defaults(run=_add)
    actions.add_parser("list", help="list every user").set_defaults(run=_list)
    command = _named(actions, "role", "give a user another role")
    command.add_argument("role", choices=list(Role))
    command.set_defaults(run=_role)
    command = _named(actions, "deactivate", "close an account and end its sessions")
    command.set_defaults(run=_activity, active=False)
    command = _named(actions, "activate", "open a closed account again")
    command.set_defaults(run=_activity, active=True)
    command = _named(actions, "reset", "end password, codes, lock and sessions; print a link that sets a new password")
    command.set_defaults(run=_reset)


def _named(
    actions: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, words: str
) -> argparse.ArgumentParser:
    command = actions.add_parser(name, help=words)
    command.add_argument("name", help="the user's name")
    return command


def _add(options: argparse.Namespace) -> int:
    name = accounts.tidy_name(options.name)
    asks = not options.link and sys.stdin.isatty()
    password = _ask_password(name) if asks else ""
    database = _database()
    token = accounts.add_user(database, COMMAND_LINE, name, Role(options.role), datetime.now(UTC))
    if not asks:
        print(f"{_LINK}\n/admin/link/{token}")
        return 0
    accounts.accept_link(database, token, password, datetime.now(UTC))
    print(f"{name} may sign in at /admin/sign-in.")
    return 0


def _ask_password(name: str) -> str:
    password = getpass.getpass(f"Password for {name}: ")
    accounts.check_password(name, password)
    if getpass.getpass("Again: ") != password:
        raise AccountError("The two passwords are not the same. Nothing was done.")
    return password


def _list(_options: argparse.Namespace) -> int:
    for user in accounts.users(_database(), datetime.now(UTC)):
        marks = {
            "closed": not user.active,
            "no password": not user.has_password,
            "link waits": user.invited,
            "codes": user.uses_codes,
            "locked": user.locked,
        }
        print(f"{user.name}  {user.role}  {', '.join(word for word, holds in marks.items() if holds)}".rstrip())
    return 0


def _role(options: argparse.Namespace) -> int:
    accounts.set_role(_database(), COMMAND_LINE, options.name, Role(options.role))
    print(f"{options.name} is {options.role} now.")
    return 0


def _activity(options: argparse.Namespace) -> int:
    accounts.set_active(_database(), COMMAND_LINE, options.name, active=options.active)
    print(f"The account of {options.name} is {'open' if options.active else 'closed'} now.")
    return 0


def _reset(options: argparse.Namespace) -> int:
    token = accounts.reset(_database(), COMMAND_LINE, options.name, datetime.now(UTC))
    print(f"{_LINK}\n/admin/link/{token}")
    return 0


def _database() -> Database:
    database = Database(load(os.environ).database())
    if database.revision() != Database.head():
        raise AccountError("The database is not made yet, or is older than this program. Run: python -m finder setup")
    return database
