import hashlib
import threading
import time
from datetime import UTC, datetime, timedelta

import pyotp
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from finder import accounts
from finder.accounts import COMMAND_LINE, Account, AccountError, Role
from finder.db import Database
from finder.db.models import AuditEvent, User, UserSession

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
GOOD = "four little tests"
OTHER = "seven larger tests"
ANNA = Account("anna", Role.OWNER)
SECOND = timedelta(seconds=1)
QUICK = f"scrypt$16$8$1${b'salt'.hex()}${hashlib.scrypt(GOOD.encode(), salt=b'salt', n=16, r=8, p=1, dklen=32).hex()}"


@pytest.fixture
def database(database_url):
    database = Database(database_url)
    database.migrate()
    yield database
    database.dispose()


@pytest.fixture
def anna(database):
    """The directory's database with one owner, anna."""
    add(database, "anna", Role.OWNER)
    return database


def add(database, name, role):
    """Make a user whose kept password has small parameters, so that most tests need no tenth of a second for a try."""
    with database.transaction() as session:
        session.add(User(name=name, role=role.value, made_at=NOW, password=QUICK))


def enter(database, name="anna", password=GOOD, code="", now=NOW):
    return accounts.sign_in(database, name, password, code, now)


def actions(database):
    return [(event.who, event.action, event.subject) for event in reversed(accounts.events(database))]


def everything_kept(database):
    with database.reading() as connection:
        tables = (User, UserSession, AuditEvent)
        return repr([connection.execute(sa.select(table.__table__)).all() for table in tables])


def use_codes(database, now=NOW):
    accounts.start_codes(database, ANNA)
    secret, address = accounts.waiting_secret(database, ANNA)
    totp = pyotp.TOTP(secret)
    accounts.confirm_codes(database, ANNA, GOOD, totp.at(now), now)
    return totp, address


def test_a_new_database_lets_nobody_in(database):
    for name, password in (("admin", "admin"), ("", ""), ("anna", "")):
        assert enter(database, name, password) is None
    assert accounts.users(database, NOW) == []


def test_a_user_signs_in_with_the_password_that_the_link_set(database):
    token = accounts.add_user(database, COMMAND_LINE, " Anna ", Role.OWNER, NOW)
    assert enter(database) is None

    assert accounts.accept_link(database, token, GOOD, NOW) == "anna"

    signed = accounts.signed_in(database, enter(database, "ANNA"), NOW)
    assert signed == Account("anna", Role.OWNER, uses_codes=False)


def test_only_hashes_are_kept(anna):
    session = enter(anna)
    link = accounts.add_user(anna, ANNA, "bert", Role.VIEWER, NOW)
    kept = everything_kept(anna)

    assert not [secret for secret in (GOOD, session, link) if secret in kept]
    assert hashlib.sha256(session.encode()).hexdigest() in kept


def test_the_kept_password_names_its_parameters_and_has_its_own_salt():
    one, two = accounts.hash_password(GOOD), accounts.hash_password(GOOD)

    assert one.split("$")[:4] == ["scrypt", "32768", "8", "1"]
    assert one != two
    assert accounts.password_fits(GOOD, one)
    assert not accounts.password_fits(OTHER, one)


def test_a_password_that_was_kept_with_other_parameters_still_fits():
    key = hashlib.scrypt(GOOD.encode(), salt=b"salt", n=2**10, r=8, p=2, dklen=32)
    assert accounts.password_fits(GOOD, f"scrypt$1024$8$2${b'salt'.hex()}${key.hex()}")


def test_the_same_letters_typed_on_another_keyboard_fit():
    composed, decomposed = "caf\u00e9 au lait 17", "cafe\u0301 au lait 17"
    assert accounts.password_fits(decomposed, accounts.hash_password(composed))


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("", "at least 12"),
        ("elevenchars", "at least 12"),
        ("aaaaaaaaaaaaaaa", "different characters"),
        ("anna1234anna5678", "beside the user’s name"),
        ("AnnaAnnaAnna", "beside the user’s name"),
    ],
)
def test_a_password_that_is_easily_guessed_is_refused_with_the_reason(password, why):
    with pytest.raises(AccountError, match=why):
        accounts.check_password("anna", password)


@pytest.mark.parametrize(
    "name", ["", "ab", "a b c", "-anna", "an\nna", "x" * 65, "änna", "<b>", "command line", "a/b/c"]
)
def test_a_name_that_cannot_be_kept_is_refused(anna, name):
    with pytest.raises(AccountError, match="3 to 64"):
        accounts.add_user(anna, ANNA, name, Role.VIEWER, NOW)


def test_a_name_is_given_once(anna):
    with pytest.raises(AccountError, match="already"):
        accounts.add_user(anna, ANNA, "Anna", Role.VIEWER, NOW)


@hypothesis_settings(max_examples=15, deadline=None)
@given(st.text(), st.text(), st.text())
def test_nothing_that_is_typed_breaks_a_sign_in(empty_database, name, password, code):
    assert accounts.sign_in(empty_database, name, password, code, NOW) is None


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory):
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('empty') / 'directory.sqlite'}")
    database.migrate()
    yield database
    database.dispose()


# Closing after five tries


def test_five_wrong_tries_close_the_account_for_fifteen_minutes(anna):
    for _ in range(5):
        assert enter(anna, password=OTHER) is None

    assert enter(anna, now=NOW + timedelta(minutes=14, seconds=59)) is None
    assert accounts.users(anna, NOW)[0].locked
    assert enter(anna, now=NOW + timedelta(minutes=15))


def test_the_fifth_try_may_be_right_and_takes_the_count_back(anna):
    for _ in range(3):
        for _ in range(4):
            assert enter(anna, password=OTHER) is None
        assert enter(anna)


def test_after_the_lock_the_count_begins_anew(anna):
    for _ in range(5):
        enter(anna, password=OTHER)
    later = NOW + timedelta(minutes=16)
    for _ in range(4):
        assert enter(anna, password=OTHER, now=later) is None

    assert enter(anna, now=later)


def test_one_account_that_is_closed_closes_no_other(anna):
    add(anna, "bert", Role.VIEWER)
    for _ in range(5):
        enter(anna, password=OTHER)

    assert enter(anna, "bert")


def test_many_tries_at_the_same_moment_do_not_outrun_the_count(anna):
    judged = []

    def attempt():
        with anna.transaction() as session:
            judged.append(accounts._take_try(session, "anna", NOW) is not None)

    threads = [threading.Thread(target=attempt) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (judged.count(True), judged.count(False)) == (5, 7)
    assert enter(anna) is None


def test_an_unknown_name_takes_as_long_as_a_known_one(anna):
    accounts.add_user(anna, ANNA, "nora", Role.VIEWER, NOW)
    accounts.change_password(anna, ANNA, GOOD, GOOD, NOW)

    def seconds(name, password):
        started = time.perf_counter()
        assert enter(anna, name, password, now=NOW) is None
        return time.perf_counter() - started

    # In turns, so that other work on the machine slows all alike; the least of each, because it can only slow them.
    rounds = [[seconds(name, OTHER) for name in ("anna", "nobody", "nora")] for _ in range(5)]
    known, *others = map(min, zip(*rounds, strict=True))
    assert all(0.5 < one / known < 2 for one in others)


# One-time codes


def test_codes_count_only_after_the_first_one_was_shown(anna):
    accounts.start_codes(anna, ANNA)
    assert enter(anna)

    with pytest.raises(AccountError, match="code does not fit"):
        accounts.confirm_codes(anna, ANNA, GOOD, "000000x", NOW)
    assert enter(anna)


def test_with_codes_a_sign_in_needs_one(anna):
    totp, address = use_codes(anna)
    later = NOW + timedelta(minutes=2)

    assert address == f"otpauth://totp/ALL%20Care%20Finder:anna?secret={totp.secret}&issuer=ALL%20Care%20Finder"
    assert enter(anna, now=later) is None
    assert enter(anna, code="abcdef", now=later) is None
    assert enter(anna, code=totp.at(NOW - timedelta(minutes=5)), now=later) is None
    signed = accounts.signed_in(anna, enter(anna, code=totp.at(later), now=later), later)
    assert signed.uses_codes


def test_a_code_works_once(anna):
    totp, _ = use_codes(anna)
    later = NOW + timedelta(minutes=2)
    code = totp.at(later)

    assert enter(anna, code=f"{code[:3]} {code[3:]}", now=later)
    assert enter(anna, code=code, now=later) is None
    assert enter(anna, code=totp.at(later - timedelta(seconds=30)), now=later) is None
    assert enter(anna, code=totp.at(later + timedelta(seconds=30)), now=later)


def test_the_code_that_turned_codes_on_signs_nobody_in(anna):
    totp, _ = use_codes(anna)
    assert enter(anna, code=totp.at(NOW)) is None


def test_a_clock_that_is_half_a_minute_wrong_is_allowed(anna):
    totp, _ = use_codes(anna)
    later = NOW + timedelta(minutes=10)

    assert enter(anna, code=totp.at(later - timedelta(seconds=60)), now=later) is None
    assert enter(anna, code=totp.at(later - timedelta(seconds=30)), now=later)


def test_a_wrong_code_counts_as_a_try(anna):
    totp, _ = use_codes(anna)
    later = NOW + timedelta(minutes=2)
    for _ in range(5):
        assert enter(anna, code="1", now=later) is None

    assert enter(anna, code=totp.at(later), now=later) is None


def test_codes_are_turned_on_and_off_with_the_password_only(anna):
    accounts.start_codes(anna, ANNA)
    secret, _ = accounts.waiting_secret(anna, ANNA)
    with pytest.raises(AccountError, match="password does not fit"):
        accounts.confirm_codes(anna, ANNA, OTHER, pyotp.TOTP(secret).at(NOW), NOW)
    accounts.confirm_codes(anna, ANNA, GOOD, pyotp.TOTP(secret).at(NOW), NOW)
    assert accounts.waiting_secret(anna, ANNA) is None
    with pytest.raises(AccountError, match="on already"):
        accounts.start_codes(anna, ANNA)
    with pytest.raises(AccountError, match="password does not fit"):
        accounts.stop_codes(anna, ANNA, OTHER, NOW)

    accounts.stop_codes(anna, ANNA, GOOD, NOW)

    assert enter(anna)


# Sessions


def test_a_session_ends_after_half_an_hour_without_use(anna):
    token = enter(anna)
    half = timedelta(minutes=29)

    assert accounts.signed_in(anna, token, NOW + half)
    assert accounts.signed_in(anna, token, NOW + 2 * half)
    assert accounts.signed_in(anna, token, NOW + 2 * half + timedelta(minutes=30)) is None


def test_a_session_ends_after_twelve_hours_of_use(anna):
    token = enter(anna)
    for quarter in range(1, 48):
        assert accounts.signed_in(anna, token, NOW + quarter * timedelta(minutes=15))

    assert accounts.signed_in(anna, token, NOW + timedelta(hours=12)) is None


def test_a_sign_in_clears_sessions_that_have_ended(anna):
    enter(anna)
    enter(anna, now=NOW + timedelta(hours=1))

    with anna.reading() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(UserSession)) == 1


@pytest.mark.parametrize("token", ["", "x", "\ud800", "' OR 1=1"])
def test_a_made_up_token_is_nobody(anna, token):
    enter(anna)
    assert accounts.signed_in(anna, token, NOW) is None


def test_signing_out_ends_every_session_of_this_user_alone(anna):
    add(anna, "bert", Role.VIEWER)
    mine, also_mine, other = enter(anna), enter(anna), enter(anna, "bert")

    accounts.sign_out(anna, ANNA)

    assert [accounts.signed_in(anna, one, NOW) is None for one in (mine, also_mine, other)] == [True, True, False]


def test_a_new_password_ends_every_session_and_the_old_password(anna):
    token = enter(anna)
    with pytest.raises(AccountError, match="password does not fit"):
        accounts.change_password(anna, ANNA, OTHER, OTHER, NOW)
    assert accounts.signed_in(anna, token, NOW)

    accounts.change_password(anna, ANNA, GOOD, OTHER, NOW)

    assert accounts.signed_in(anna, token, NOW) is None
    assert enter(anna) is None
    assert enter(anna, password=OTHER)


def test_whoever_holds_a_session_cannot_guess_the_password_without_end(anna):
    for _ in range(5):
        with pytest.raises(AccountError):
            accounts.change_password(anna, ANNA, "not the password", OTHER, NOW)

    with pytest.raises(AccountError, match="password does not fit"):
        accounts.change_password(anna, ANNA, GOOD, OTHER, NOW)


# Links


def test_a_link_works_once(anna):
    token = accounts.add_user(anna, ANNA, "bert", Role.VIEWER, NOW)
    assert accounts.invited(anna, token, NOW) == "bert"
    accounts.accept_link(anna, token, GOOD, NOW)

    assert accounts.invited(anna, token, NOW) is None
    with pytest.raises(AccountError, match="has been used"):
        accounts.accept_link(anna, token, OTHER, NOW)
    assert enter(anna, "bert")


def test_a_link_ends_after_48_hours(anna):
    token = accounts.add_user(anna, ANNA, "bert", Role.VIEWER, NOW)

    assert accounts.invited(anna, token, NOW + timedelta(hours=48) - SECOND) == "bert"
    with pytest.raises(AccountError, match="48 hours"):
        accounts.accept_link(anna, token, GOOD, NOW + timedelta(hours=48))


def test_a_weak_password_does_not_use_the_link_up(anna):
    token = accounts.add_user(anna, ANNA, "bert", Role.VIEWER, NOW)
    with pytest.raises(AccountError, match="at least 12"):
        accounts.accept_link(anna, token, "short", NOW)

    accounts.accept_link(anna, token, GOOD, NOW)


def test_a_reset_ends_password_codes_lock_and_sessions_and_makes_a_link(anna):
    session = enter(anna)
    use_codes(anna)
    for _ in range(5):
        enter(anna, password=OTHER)

    token = accounts.reset(anna, COMMAND_LINE, "anna", NOW)

    assert accounts.signed_in(anna, session, NOW) is None
    assert enter(anna) is None
    accounts.accept_link(anna, token, OTHER, NOW)
    assert enter(anna, password=OTHER)


def test_a_new_link_ends_the_one_before(anna):
    first = accounts.add_user(anna, ANNA, "bert", Role.VIEWER, NOW)
    second = accounts.reset(anna, ANNA, "bert", NOW)

    assert accounts.invited(anna, first, NOW) is None
    assert accounts.invited(anna, second, NOW) == "bert"


def test_nobody_is_reset_who_is_not_there(anna):
    with pytest.raises(AccountError, match="no active user nobody"):
        accounts.reset(anna, ANNA, "nobody", NOW)


# Roles and closing


@pytest.mark.parametrize(
    ("role", "may"),
    [(Role.VIEWER, [True, False, False]), (Role.EDITOR, [True, True, False]), (Role.OWNER, [True, True, True])],
)
def test_each_role_may_what_those_before_it_may(role, may):
    assert [role.may(needed) for needed in (Role.VIEWER, Role.EDITOR, Role.OWNER)] == may


def test_a_new_role_counts_from_the_next_request(anna):
    add(anna, "bert", Role.VIEWER)
    token = enter(anna, "bert")

    accounts.set_role(anna, ANNA, "bert", Role.EDITOR)

    assert accounts.signed_in(anna, token, NOW).role is Role.EDITOR


def test_a_closed_account_loses_sessions_and_link_and_can_be_opened_again(anna):
    add(anna, "bert", Role.EDITOR)
    token = enter(anna, "bert")
    accounts.set_active(anna, ANNA, "bert", active=False)

    assert accounts.signed_in(anna, token, NOW) is None
    assert enter(anna, "bert") is None
    with pytest.raises(AccountError, match="no active user"):
        accounts.reset(anna, ANNA, "bert", NOW)

    accounts.set_active(anna, ANNA, "bert", active=True)
    assert accounts.signed_in(anna, token, NOW) is None
    assert enter(anna, "bert")


def test_the_link_of_a_closed_account_is_no_good(anna):
    token = accounts.add_user(anna, ANNA, "bert", Role.VIEWER, NOW)
    accounts.set_active(anna, ANNA, "bert", active=False)

    assert accounts.invited(anna, token, NOW) is None


def test_the_last_owner_stays(anna):
    for change in (
        lambda: accounts.set_role(anna, ANNA, "anna", Role.EDITOR),
        lambda: accounts.set_active(anna, ANNA, "anna", active=False),
    ):
        with pytest.raises(AccountError, match="One owner must stay"):
            change()
    assert accounts.users(anna, NOW)[0].role is Role.OWNER
    assert accounts.users(anna, NOW)[0].active

    add(anna, "bert", Role.OWNER)
    accounts.set_role(anna, ANNA, "anna", Role.EDITOR)
    with pytest.raises(AccountError, match="One owner must stay"):
        accounts.set_role(anna, ANNA, "bert", Role.EDITOR)


def test_two_owners_who_demote_each_other_at_once_leave_one(anna):
    add(anna, "bert", Role.OWNER)
    refused = []

    def demote(name):
        try:
            accounts.set_role(anna, ANNA, name, Role.VIEWER)
        except AccountError as error:
            refused.append(str(error))

    threads = [threading.Thread(target=demote, args=(name,)) for name in ("anna", "bert")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [user.role for user in accounts.users(anna, NOW)].count(Role.OWNER) == 1
    assert len(refused) == 1


def test_a_change_of_somebody_who_is_not_there_says_so(anna):
    with pytest.raises(AccountError, match="no user nobody"):
        accounts.set_role(anna, ANNA, "nobody", Role.EDITOR)


# The trail


def test_everything_that_is_done_is_recorded_with_who_and_what(database):
    accounts.accept_link(database, accounts.add_user(database, COMMAND_LINE, "anna", Role.OWNER, NOW), GOOD, NOW)
    enter(database)
    enter(database, password=OTHER)
    enter(database, "somebody typed " + GOOD)
    accounts.add_user(database, ANNA, "bert", Role.VIEWER, NOW)
    accounts.set_role(database, ANNA, "bert", Role.EDITOR)
    accounts.set_active(database, ANNA, "bert", active=False)
    accounts.sign_out(database, ANNA)

    assert actions(database) == [
        ("command line", "user-add", "anna"),
        ("anna", "link-used", "anna"),
        ("anna", "sign-in", "anna"),
        ("", "sign-in-refused", "anna"),
        ("", "sign-in-refused", ""),
        ("anna", "user-add", "bert"),
        ("anna", "user-role", "bert"),
        ("anna", "user-deactivate", "bert"),
        ("anna", "sign-out", "anna"),
    ]


def test_what_is_not_done_is_not_recorded(anna):
    before = actions(anna)
    with pytest.raises(AccountError):
        accounts.set_role(anna, ANNA, "anna", Role.VIEWER)

    assert actions(anna) == before


def test_other_parts_record_in_their_own_transaction(anna):
    with anna.transaction() as session:
        accounts.audit(session, ANNA, "import-start", "nppes", "12 rows")

    (event, *_) = accounts.events(anna, limit=1)
    assert (event.who, event.action, event.subject, event.detail) == ("anna", "import-start", "nppes", "12 rows")
    assert abs(datetime.now(UTC) - event.at) < timedelta(minutes=1)
