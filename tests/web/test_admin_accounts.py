import hashlib
import os
import re
import shutil
from datetime import UTC, datetime, timedelta
from html import unescape
from urllib.parse import parse_qs, urljoin, urlsplit

import pyotp
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from finder import accounts as core
from finder.accounts import Role
from finder.db import Database
from finder.db.models import User, UserSession
from finder.settings import load
from finder.web import accounts, create_app
from tests.web.page_check import page, words

PASSWORD = "four little tests"
QUICK = (
    f"scrypt$16$8$1${b'salt'.hex()}${hashlib.scrypt(PASSWORD.encode(), salt=b'salt', n=16, r=8, p=1, dklen=32).hex()}"
)
NAMES = {Role.VIEWER: "vera", Role.EDITOR: "edith", Role.OWNER: "olga"}
OURS = {"Sec-Fetch-Site": "same-origin"}
# Every address under /admin with the answer to nobody, a viewer, an editor and an owner; 303 for nobody is the sign-in.
PERMISSIONS = [
    ("GET", "/admin", 303, 200, 200, 200),
    ("GET", "/admin/account", 303, 200, 200, 200),
    ("GET", "/admin/link/<token>", 404, 404, 404, 404),
    ("GET", "/admin/sign-in", 200, 303, 303, 303),
    ("GET", "/admin/users", 303, 403, 403, 200),
    ("POST", "/admin/account/codes/confirm", 303, 422, 422, 422),
    ("POST", "/admin/account/codes/start", 303, 303, 303, 303),
    ("POST", "/admin/account/codes/stop", 303, 422, 422, 422),
    ("POST", "/admin/account/password", 303, 422, 422, 422),
    ("POST", "/admin/link/<token>", 404, 404, 404, 404),
    ("POST", "/admin/sign-in", 422, 422, 422, 422),
    ("POST", "/admin/sign-out", 303, 303, 303, 303),
    ("POST", "/admin/users", 303, 403, 403, 422),
    ("POST", "/admin/users/<name>/activate", 303, 403, 403, 422),
    ("POST", "/admin/users/<name>/deactivate", 303, 403, 403, 422),
    ("POST", "/admin/users/<name>/reset", 303, 403, 403, 422),
    ("POST", "/admin/users/<name>/role", 303, 403, 403, 422),
]


@pytest.fixture(scope="module")
def prepared(settings, tmp_path_factory):
    """A directory with one user of each role; what is kept of the password has small parameters, to be quick."""
    folder = tmp_path_factory.mktemp("admin") / "instance"
    shutil.copytree(settings.instance, folder, copy_function=os.link)
    (folder / "directory.sqlite").unlink()
    shutil.copyfile(settings.instance / "directory.sqlite", folder / "directory.sqlite")
    database = Database(f"sqlite:///{folder / 'directory.sqlite'}")
    with database.transaction() as session:
        session.add_all(User(name=NAMES[role], role=role, made_at=datetime.now(UTC), password=QUICK) for role in Role)
    database.dispose()
    return folder


@pytest.fixture
def admin(prepared, tmp_path):
    """A fresh application over a fresh copy of it."""
    shutil.copytree(prepared, tmp_path / "instance", copy_function=os.link)
    (tmp_path / "instance" / "directory.sqlite").unlink()
    shutil.copyfile(prepared / "directory.sqlite", tmp_path / "instance" / "directory.sqlite")
    app = create_app(load({"FINDER_INSTANCE": str(tmp_path / "instance"), "FINDER_RATE_LIMIT": ""}))
    if "accounts" not in app.blueprints:
        accounts.init(app)
    yield app
    app.extensions["finder"].database.dispose()


@pytest.fixture
def database(admin):
    return admin.extensions["finder"].database


def enter(app, role=None, **form):
    """Return a client that is signed in with this role, or one of nobody."""
    client = app.test_client()
    if role:
        data = {"name": NAMES[role], "password": PASSWORD} | form
        assert client.post("/admin/sign-in", data=data, headers=OURS).status_code == 303
    return client


def form_token(client):
    return re.search(r'name="csrf" value="(\w+)"', client.get("/admin").get_data(as_text=True))[1]


def send(client, path, **data):
    return client.post(path, data=data | {"csrf": form_token(client)}, headers=OURS)


def cookie_of(client):
    return client.get_cookie("admin_session", path="/admin")


def status_of(app, role, method, path):
    client = enter(app, role)
    path = path.replace("<token>", "none").replace("<name>", "nobody-here")
    if method == "GET":
        return client.get(path).status_code
    data = {"csrf": form_token(client)} if role else {}
    return client.post(path, data=data, headers=OURS).status_code


@pytest.mark.parametrize("role", [None, *Role], ids=["nobody", *Role])
def test_each_address_answers_each_role_as_meant(admin, role):
    column = 2 if role is None else 3 + list(Role).index(role)
    wanted = {row[:2]: row[column] for row in PERMISSIONS}

    assert {(method, path): status_of(admin, role, method, path) for method, path in wanted} == wanted


def test_the_table_of_permissions_names_every_address_of_these_pages(admin):
    found = {
        (method, rule.rule.replace("<path:", "<"))
        for rule in admin.url_map.iter_rules()
        if rule.endpoint.startswith("accounts.")
        for method in rule.methods & {"GET", "POST", "PUT", "PATCH", "DELETE"}
    }
    assert found == {row[:2] for row in PERMISSIONS}


def test_a_view_that_nobody_marked_is_for_owners(admin):
    admin.add_url_rule("/admin/forgotten", "forgotten", lambda: "here")
    marked = accounts.require("editor")(lambda: accounts.current_user().name)
    admin.add_url_rule("/admin/marked", "marked", marked)
    accounts.add_area(admin, accounts.Area("Marked", "/admin/marked", Role.EDITOR, "Words."))

    assert [enter(admin, role).get("/admin/forgotten").status_code for role in Role] == [403, 403, 200]
    assert [enter(admin, role).get("/admin/marked").status_code for role in Role] == [403, 200, 200]
    assert enter(admin, Role.EDITOR).get("/admin/marked").text == "edith"
    assert [("Marked" in enter(admin, role).get("/admin").text) for role in Role] == [False, True, True]


def test_a_larger_body_is_read_only_where_a_view_asks_for_it(admin):
    large = accounts.accepts(400_000)(accounts.require("editor")(lambda: "read"))
    admin.add_url_rule("/admin/large", "large", large, methods=["POST"])
    admin.add_url_rule("/admin/small", "small", accounts.require("editor")(lambda: "read"), methods=["POST"])
    client, text = enter(admin, Role.EDITOR), "x" * 200_000

    assert send(client, "/admin/large", text=text).status_code == 200
    assert send(client, "/admin/large", text=text * 3).status_code == 413
    assert send(client, "/admin/small", text=text).status_code == 413


@pytest.mark.parametrize("role", list(Role))
def test_every_page_holds_what_every_page_must(admin, role):
    client = enter(admin, role)
    for path in ("/admin", "/admin/account", *(["/admin/users"] if role is Role.OWNER else [])):
        answer = client.get(path)
        soup = page(answer)
        assert answer.headers["Cache-Control"] == "no-store"
        assert all(form.find("input", attrs={"name": "csrf"}) for form in soup.select('form[method="post"]'))
        assert not soup.find_all("script")
    page(enter(admin).get("/admin/sign-in"))
    page(client.get("/admin/link/x"), 404)
    assert ("/admin/users" in client.get("/admin").text) == (role is Role.OWNER)


def test_a_role_that_is_not_enough_is_told_so(admin):
    soup = page(enter(admin, Role.EDITOR).get("/admin/users"), 403)

    assert "You are signed in as edith, editor. This needs the role owner." in words(soup.main)


def test_nothing_under_admin_is_kept_by_a_browser(admin):
    for path in ("/admin", "/admin/sign-in", "/admin/no-such-page", "/admin/link/x"):
        for client in (enter(admin), enter(admin, Role.OWNER)):
            assert client.get(path).headers["Cache-Control"] == "no-store"


def test_a_visitor_gets_no_cookie_from_any_page(admin):
    for path in ("/", "/help", "/admin", "/admin/sign-in", "/admin/users", "/admin/nothing"):
        assert "Set-Cookie" not in admin.test_client().get(path).headers
    wrong = {"name": "olga", "password": "not the password"}
    assert "Set-Cookie" not in admin.test_client().post("/admin/sign-in", data=wrong, headers=OURS).headers


@pytest.mark.parametrize(("scheme", "secure"), [("http", False), ("https", True)])
def test_the_cookie_is_for_these_pages_alone(admin, scheme, secure):
    data = {"name": "olga", "password": PASSWORD}
    answer = admin.test_client().post("/admin/sign-in", data=data, headers=OURS, base_url=f"{scheme}://localhost")

    (cookie,) = answer.headers.getlist("Set-Cookie")
    parts = set(cookie.split("; ")[1:])
    assert parts == {"HttpOnly", "Path=/admin", "SameSite=Strict"} | ({"Secure"} if secure else set())
    assert len(cookie.split("; ")[0]) >= len("admin_session=") + 43


def test_unknown_names_and_wrong_passwords_get_the_same_page(admin):
    def answer(name):
        data = {"name": name, "password": "not the password"}
        return page(admin.test_client().post("/admin/sign-in", data=data, headers=OURS), 422)

    known, unknown = answer("olga"), answer("nobody")
    assert words(known.main) == words(unknown.main)
    assert "does not fit" in words(known.find(id="errors"))
    assert known.find(id="field-name")["value"] == "olga"
    assert "not the password" not in str(known)


# Going on after signing in


def test_whoever_is_not_signed_in_signs_in_and_goes_on(admin):
    client = admin.test_client()
    asked = client.get("/admin/users?note=role")
    assert parse_qs(urlsplit(asked.location).query) == {"next": ["/admin/users?note=role"]}

    form = page(client.get(asked.location))
    data = {"name": "olga", "password": PASSWORD, "next": form.find("input", attrs={"name": "next"})["value"]}
    answer = client.post("/admin/sign-in", data=data, headers=OURS)

    assert answer.location == "/admin/users?note=role"


@pytest.mark.parametrize(
    "next_",
    [
        "", "https://evil.example", "//evil.example", "/\\evil.example", "/admin//evil.example", "/admin/../search",
        "/adminx", "/search", "javascript:alert(1)", "/admin\r\nSet-Cookie: a=b", "/admin/\n", "/admin@evil.example",
    ],
)  # fmt: skip
def test_going_on_leads_to_no_other_place(admin, next_):
    data = {"name": "olga", "password": PASSWORD, "next": next_}
    assert admin.test_client().post("/admin/sign-in", data=data, headers=OURS).location == "/admin"


@given(st.one_of(st.text(), st.text(alphabet="/\\.@:?%admin ").map(lambda text: f"/admin{text}")))
def test_no_text_leads_away(text):
    target = urlsplit(urljoin("https://here.example/admin/sign-in", accounts.safe_next(text)))

    assert target.netloc == "here.example"
    assert target.path == "/admin" or target.path.startswith("/admin/")


# What is sent must come from our own pages


@pytest.mark.parametrize(
    "headers",
    [
        {}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Sec-Fetch-Site": "none"},
        {"Origin": "null"}, {"Origin": "https://evil.example"}, {"Origin": "http://localhost.evil.example"},
        {"Origin": "http://localhost", "Sec-Fetch-Site": "cross-site"},
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/admin/sign-in", "/admin/sign-out", "/admin/link/x", "/admin/users"])
def test_what_another_site_sends_is_refused(admin, path, headers):
    client = enter(admin, Role.OWNER)
    soup = page(client.post(path, data={"csrf": form_token(client)}, headers=headers), 403)

    assert "not sent from here" in words(soup.main)
    assert client.get("/admin").status_code == 200


@pytest.mark.parametrize(
    "headers", [{"Origin": "http://localhost"}, {"Sec-Fetch-Site": "same-origin", "Origin": "null"}]
)
def test_what_our_pages_send_is_taken_from_old_and_new_browsers(admin, headers):
    client = enter(admin, Role.OWNER)
    assert client.post("/admin/sign-out", data={"csrf": form_token(client)}, headers=headers).status_code == 303


@pytest.mark.parametrize("token", [None, "", "x", "é", "other"])
def test_a_form_without_this_sessions_token_is_refused(admin, token):
    client = enter(admin, Role.OWNER)
    token = form_token(enter(admin, Role.OWNER)) if token == "other" else token
    data = {"name": "new", "role": "viewer"} | ({} if token is None else {"csrf": token})

    assert "too old" in words(page(client.post("/admin/users", data=data, headers=OURS), 403).main)
    assert "new" not in [user.name for user in core.users(admin.extensions["finder"].database, datetime.now(UTC))]


def test_an_address_that_sends_too_much_waits(admin):
    data = {"name": "nobody", "password": "x"}
    client = admin.test_client()
    statuses = [client.post("/admin/link/x", data={}, headers=OURS).status_code for _ in range(20)]
    refused = client.post("/admin/sign-in", data=data, headers=OURS)

    assert set(statuses) == {404}
    assert int(refused.headers["Retry-After"]) > 0
    assert "Too many tries" in words(page(refused, 429).main)
    other = {"REMOTE_ADDR": "127.0.0.2"}
    assert client.post("/admin/sign-in", data=data, headers=OURS, environ_base=other).status_code == 422


# Sessions


def test_signing_out_ends_the_session_everywhere_and_takes_the_cookie_away(admin):
    here, there = enter(admin, Role.EDITOR), enter(admin, Role.EDITOR)
    answer = send(here, "/admin/sign-out")

    assert answer.location == "/admin/sign-in?note=signed-out"
    assert cookie_of(here) is None
    assert "signed out on every device" in words(page(here.get(answer.location)).main)
    assert there.get("/admin").status_code == 303


@pytest.mark.parametrize(("column", "age"), [("seen_at", timedelta(minutes=30)), ("made_at", timedelta(hours=12))])
def test_a_session_that_is_too_old_is_nobody(admin, database, column, age):
    client = enter(admin, Role.OWNER)
    with database.transaction() as session:
        session.execute(sa.update(UserSession).values({column: datetime.now(UTC) - age}))

    assert client.get("/admin").status_code == 303


def test_each_sign_in_has_its_own_token_whatever_cookie_came_with_it(admin):
    client = enter(admin)
    client.set_cookie("admin_session", "chosen-by-somebody-else", path="/admin")
    client.post("/admin/sign-in", data={"name": "vera", "password": PASSWORD}, headers=OURS)

    assert cookie_of(client).value not in ("chosen-by-somebody-else", cookie_of(enter(admin, Role.VIEWER)).value)
    assert client.get("/admin").status_code == 200


# One's own account


def test_a_new_password_is_set_and_asked_for(admin):
    client, other = enter(admin, Role.EDITOR), enter(admin, Role.EDITOR)
    new = "seven larger tests"
    answer = send(client, "/admin/account/password", old=PASSWORD, new=new, again=new)

    assert answer.location == "/admin/sign-in?note=password"
    assert client.get("/admin").status_code == other.get("/admin").status_code == 303
    assert enter(admin, Role.EDITOR, password=new).get("/admin").status_code == 200


@pytest.mark.parametrize(
    ("old", "new", "again", "field", "why"),
    [
        ("wrong", "seven larger tests", "seven larger tests", "old", "does not fit"),
        (PASSWORD, "seven larger tests", "seven large tests", "new", "not the same"),
        (PASSWORD, "short", "short", "new", "at least 12"),
        (PASSWORD, "edith-edith-edith", "edith-edith-edith", "new", "beside the user’s name"),
    ],
)
def test_a_mistake_stands_beside_its_field(admin, old, new, again, field, why):
    soup = page(send(enter(admin, Role.EDITOR), "/admin/account/password", old=old, new=new, again=again), 422)

    control = soup.find(id=f"field-{field}")
    assert control["aria-invalid"] == "true"
    assert why in words(soup.find(id=control["aria-describedby"].split()[0]))
    assert soup.select_one(f'#errors a[href="#field-{field}"]')
    assert old not in str(soup)


def test_codes_are_set_up_asked_for_and_turned_off(admin, database):
    client = enter(admin, Role.VIEWER)
    send(client, "/admin/account/codes/start")
    soup = page(client.get("/admin/account"))
    secret = soup.find("code").text
    assert f"secret={secret}" in unescape(soup.find("a", href=re.compile("^otpauth:"))["href"])
    totp = pyotp.TOTP(secret)

    page(send(client, "/admin/account/codes/confirm", password=PASSWORD, code="0"), 422)
    answer = send(client, "/admin/account/codes/confirm", password=PASSWORD, code=totp.now())
    shown = page(client.get(answer.location))
    assert "codes are on" in words(shown.main)
    assert secret not in str(shown)

    data = {"name": "vera", "password": PASSWORD}
    assert admin.test_client().post("/admin/sign-in", data=data, headers=OURS).status_code == 422
    with database.transaction() as session:
        session.execute(sa.update(User).values(code_step=0))
    assert enter(admin, Role.VIEWER, code=totp.now()).get("/admin").status_code == 200

    send(client, "/admin/account/codes/stop", password=PASSWORD)
    assert enter(admin, Role.VIEWER).get("/admin").status_code == 200


# The users


def link_in(soup):
    return urlsplit(soup.select_one(".notice code").text)


def test_an_owner_invites_somebody_who_sets_a_password_and_signs_in(admin):
    owner, guest = enter(admin, Role.OWNER), admin.test_client()
    link = link_in(page(send(owner, "/admin/users", name="New@Example.org", role="editor")))
    assert (link.scheme, link.netloc) == ("http", "localhost")

    form = page(guest.get(link.path))
    assert "new@example.org" in words(form.main)
    page(guest.post(link.path, data={"new": "short", "again": "short"}, headers=OURS), 422)
    new = "seven larger tests"
    answer = guest.post(link.path, data={"new": new, "again": new}, headers=OURS)

    assert answer.location == "/admin/sign-in?note=password"
    assert "Set-Cookie" not in answer.headers or cookie_of(guest) is None
    assert guest.get(link.path).status_code == 404
    guest.post("/admin/sign-in", data={"name": "new@example.org", "password": new}, headers=OURS)
    assert "Your role is editor" in words(page(guest.get("/admin")).main)


def test_a_link_that_was_used_and_one_that_never_was_get_the_same_words(admin):
    owner, guest = enter(admin, Role.OWNER), admin.test_client()
    link = link_in(page(send(owner, "/admin/users/vera/reset")))
    new = "seven larger tests"
    guest.post(link.path, data={"new": new, "again": new}, headers=OURS)

    used, made_up = page(guest.get(link.path), 404), page(guest.get("/admin/link/made-up"), 404)
    assert words(used) == words(made_up)


def test_a_link_is_shown_once(admin):
    owner = enter(admin, Role.OWNER)
    token = link_in(page(send(owner, "/admin/users", name="new", role="editor"))).path.rsplit("/", 1)[1]

    assert token not in owner.get("/admin/users").text


@pytest.mark.parametrize(
    ("form", "why"),
    [
        ({"name": "olga", "role": "viewer"}, "already"),
        ({"name": "a b", "role": "viewer"}, "3 to 64"),
        ({"name": "<script>", "role": "viewer"}, "3 to 64"),
        ({"name": "new", "role": "king"}, "viewer, editor, owner"),
    ],
)
def test_an_invitation_that_cannot_be_says_why(admin, form, why):
    soup = page(send(enter(admin, Role.OWNER), "/admin/users", **form), 422)
    assert why in words(soup.find(id="field-name-error"))


def test_an_owner_changes_roles_and_closes_and_opens_accounts(admin):
    owner, vera = enter(admin, Role.OWNER), enter(admin, Role.VIEWER)
    assert send(owner, "/admin/users/vera/role", role="owner").location == "/admin/users?note=role"
    assert vera.get("/admin/users").status_code == 200

    send(owner, "/admin/users/vera/deactivate")
    assert vera.get("/admin").status_code == 303
    assert "closed" in words(page(owner.get("/admin/users")).find("th", string="vera").parent)
    send(owner, "/admin/users/vera/activate")
    assert enter(admin, Role.VIEWER).get("/admin").status_code == 200


def test_the_last_owner_is_told_that_one_must_stay(admin):
    owner = enter(admin, Role.OWNER)
    for path, form in (("/admin/users/olga/role", {"role": "viewer"}), ("/admin/users/olga/deactivate", {})):
        assert "One owner must stay" in words(page(send(owner, path, **form), 422).find(id="errors"))
    assert owner.get("/admin/users").status_code == 200


def test_what_was_done_is_shown_to_owners_without_secrets(admin):
    admin.test_client().post("/admin/sign-in", data={"name": "typed by mistake", "password": "xyz"}, headers=OURS)
    owner = enter(admin, Role.OWNER)
    send(owner, "/admin/users/vera/role", role="editor")

    shown = words(page(owner.get("/admin/users")).find(id="events-title").parent)
    assert "olga user-role vera editor" in shown
    assert "nobody signed in sign-in-refused" in shown
    assert "typed by mistake" not in shown
    assert PASSWORD not in shown
