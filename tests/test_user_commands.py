import os
import pty
import re
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from finder import accounts
from finder.db import Database

PASSWORD = "four little tests"


@pytest.fixture
def database(tmp_path):
    database = Database(f"sqlite:///{tmp_path / 'directory.sqlite'}")
    database.migrate()
    yield database
    database.dispose()


@pytest.fixture
def user(database, tmp_path):
    environment = os.environ | {"FINDER_INSTANCE": str(tmp_path)}
    environment.pop("FINDER_DATABASE_URL", None)

    def user(*arguments, **more):
        command = [sys.executable, "-m", "finder", "user", *arguments]
        return subprocess.run(
            command, capture_output=True, text=True, check=False, **{"input": "", "env": environment} | more
        )

    user.environment = environment
    return user


def enters(database, name):
    return accounts.sign_in(database, name, PASSWORD, "", datetime.now(UTC)) is not None


def at_a_terminal(environment, arguments, answers):
    """Run a command at a real terminal, give each answer when it asks, and return all that was shown."""
    child, terminal = pty.fork()
    if child == 0:
        os.execve(sys.executable, [sys.executable, "-m", "finder", "user", *arguments], environment)
    shown = b""
    try:
        while chunk := os.read(terminal, 1000):
            shown += chunk
            if shown.endswith(b": ") and answers:
                os.write(terminal, answers.pop(0).encode() + b"\n")
    except OSError:
        pass  # So a terminal ends on Linux.
    os.close(terminal)
    return shown.decode(), os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_the_first_owner_types_a_password_that_is_not_shown(database, user):
    shown, code = at_a_terminal(user.environment, ["add", "anna", "--role", "owner"], [PASSWORD, PASSWORD])

    assert code == 0
    assert PASSWORD not in shown
    assert enters(database, "anna")


@pytest.mark.parametrize("answers", [["short"], [PASSWORD, PASSWORD + "x"]])
def test_a_password_that_is_refused_makes_no_user(database, user, answers):
    shown, code = at_a_terminal(user.environment, ["add", "anna"], answers)

    assert code == 1
    assert "Traceback" not in shown
    assert accounts.users(database, datetime.now(UTC)) == []


def test_without_a_terminal_a_link_is_printed_that_sets_the_password(database, user):
    done = user("add", "anna", "--role", "owner")
    token = re.search(r"^/admin/link/(\S+)$", done.stdout, re.MULTILINE)[1]

    accounts.accept_link(database, token, PASSWORD, datetime.now(UTC))
    assert enters(database, "anna")


def test_users_are_listed_changed_closed_opened_and_reset(database, user):
    user("add", "anna", "--role", "owner")
    user("add", "bert", "--link")
    assert user("list").stdout.splitlines() == [
        "anna  owner  no password, link waits",
        "bert  viewer  no password, link waits",
    ]

    assert user("role", "bert", "editor").stdout == "bert is editor now.\n"
    assert user("deactivate", "bert").returncode == 0
    assert user("list").stdout.splitlines()[1] == "bert  editor  closed, no password"
    assert user("activate", "bert").returncode == 0
    assert "/admin/link/" in user("reset", "bert").stdout


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["add", "a b"], "3 to 64"),
        (["reset", "nobody"], "no active user nobody"),
        (["role", "nobody", "editor"], "no user nobody"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(user, arguments, why):
    done = user(*arguments)

    assert done.returncode == 1
    assert why in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_database_the_way_to_one_is_named(user, tmp_path):
    done = user("list", env=user.environment | {"FINDER_INSTANCE": str(tmp_path / "elsewhere")})

    assert done.returncode == 1
    assert "finder setup" in done.stderr
