import csv
import hashlib
import io
import os
import re
import shutil
import socket
import threading
from datetime import UTC, datetime

import pytest
from werkzeug.serving import make_server

from finder.accounts import Role, events
from finder.db import Database
from finder.db.models import Job, User
from finder.imports import Imports
from finder.settings import load
from finder.web import accounts, create_app, imports
from tests.test_imports import hospitals
from tests.web.page_check import page, words

PASSWORD = "four little tests"
QUICK = (
    f"scrypt$16$8$1${b'salt'.hex()}${hashlib.scrypt(PASSWORD.encode(), salt=b'salt', n=16, r=8, p=1, dklen=32).hex()}"
)
NAMES = {Role.VIEWER: "vera", Role.EDITOR: "edith", Role.OWNER: "olga"}
OURS = {"Sec-Fetch-Site": "same-origin"}
HOSTILE = "<script>alert(1)</script>{{7*7}}"
LARGEST = 400_000
BAD = ("12", "HOSPITAL", "1 MAIN STREET", "BOSTON", "MA", "02115", "", "", "Acute Care Hospitals", "", "")
# Every address of imports with the answer to nobody, a viewer, an editor and an owner; there is no run and no job 99.
PERMISSIONS = [
    ("GET", "/admin/imports", 303, 200, 200, 200),
    ("GET", "/admin/imports/new", 303, 403, 200, 200),
    ("POST", "/admin/imports", 303, 403, 422, 422),
    ("POST", "/admin/imports/upload", 303, 403, 422, 422),
    ("GET", "/admin/imports/columns", 303, 403, 404, 404),
    ("POST", "/admin/imports/columns", 303, 403, 404, 404),
    ("GET", "/admin/imports/jobs/99", 303, 404, 404, 404),
    ("GET", "/admin/imports/jobs/99.json", 303, 404, 404, 404),
    ("POST", "/admin/imports/jobs/99/cancel", 303, 403, 404, 404),
    ("GET", "/admin/imports/runs/99", 303, 404, 404, 404),
    ("GET", "/admin/imports/runs/99/problems.csv", 303, 404, 404, 404),
    ("POST", "/admin/imports/runs/99/apply", 303, 403, 404, 404),
    ("GET", "/admin/imports/runs/99/columns", 303, 403, 404, 404),
    ("POST", "/admin/imports/runs/99/columns", 303, 403, 404, 404),
    ("POST", "/admin/imports/runs/99/discard", 303, 403, 404, 404),
    ("POST", "/admin/imports/runs/99/undo", 303, 403, 404, 404),
    ("POST", "/admin/imports/runs/99/again", 303, 403, 404, 404),
    ("GET", "/admin/imports/runs/99/force", 303, 403, 403, 404),
    ("POST", "/admin/imports/runs/99/force", 303, 403, 403, 404),
]


@pytest.fixture(scope="module")
def prepared(settings, tmp_path_factory):
    """A directory with one user of each role; what is kept of the password has small parameters, to be quick."""
    folder = tmp_path_factory.mktemp("imports") / "instance"
    folder.mkdir()
    for file in settings.instance.glob("gazetteer-*.sqlite"):
        (folder / file.name).symlink_to(file)
    shutil.copyfile(settings.instance / "directory.sqlite", folder / "directory.sqlite")
    database = Database(f"sqlite:///{folder / 'directory.sqlite'}")
    with database.transaction() as session:
        session.add_all(User(name=NAMES[role], role=role, made_at=datetime.now(UTC), password=QUICK) for role in Role)
    database.dispose()
    return folder


@pytest.fixture
def admin(prepared, tmp_path):
    """A fresh application over a fresh copy of it."""
    shutil.copytree(prepared, tmp_path / "instance", symlinks=True)
    app = create_app(load({"FINDER_INSTANCE": str(tmp_path / "instance"), "FINDER_RATE_LIMIT": ""}))
    if "accounts" not in app.blueprints:
        accounts.init(app)
    if "imports" not in app.blueprints:
        imports.init(app, max_upload_bytes=LARGEST)
    app.extensions["finder_max_upload"] = LARGEST
    app.view_functions["imports.upload"].admin_max_bytes = LARGEST
    yield app
    app.extensions["finder"].database.dispose()


@pytest.fixture
def sign_in(admin):
    def sign_in(role):
        client = admin.test_client()
        sent = client.post("/admin/sign-in", data={"name": NAMES[role], "password": PASSWORD}, headers=OURS)
        assert sent.status_code == 303
        return Browser(client)

    return sign_in


@pytest.fixture
def editor(sign_in):
    return sign_in(Role.EDITOR)


class Browser:
    """A signed-in reader who sends forms as a browser does."""

    def __init__(self, client):
        self.client = client
        self.token = page(client.get("/admin/account")).find("input", attrs={"name": "csrf"})["value"]

    def get(self, path):
        return self.client.get(path)

    def post(self, path, **data):
        return self.client.post(path, data={"csrf": self.token} | data, headers=OURS)

    def upload(self, name, content, source="facilities"):
        return self.post("/admin/imports/upload", source=source, file=(io.BytesIO(content), name))

    def press(self, soup, label):
        """Send the form whose button has this label."""
        (button,) = [one for one in soup.select("main form button") if words(one) == label]
        return self.post(button.find_parent("form")["action"])


def jobs_of(admin):
    return admin.extensions["finder_jobs"]


def work_off(admin):
    queue = jobs_of(admin).queue
    while task := queue.dequeue():
        queue.execute(task)


def buttons(soup):
    return [words(one) for one in soup.select("main .buttons button, main .buttons a")]


def planned(admin, browser, path):
    """Upload a file, let the worker plan it, and return the run's page."""
    sent = browser.upload(path.name, path.read_bytes())
    assert sent.status_code == 303, sent.get_data(as_text=True)
    work_off(admin)
    led = browser.get(sent.location)
    assert led.status_code == 303, led.get_data(as_text=True)
    return led.location, page(browser.get(led.location))


def audited(admin):
    found = reversed(events(admin.extensions["finder"].database, 100))
    return [(one.who, one.action, one.subject) for one in found if one.action.startswith("import-")]


@pytest.mark.parametrize(("method", "path", "nobody", "roles"), [(*one[:3], one[3:]) for one in PERMISSIONS])
def test_each_address_is_open_to_the_roles_that_need_it(admin, sign_in, method, path, nobody, roles):
    assert admin.test_client().open(path, method=method, headers=OURS).status_code == nobody
    for role, expected in zip(Role, roles, strict=True):
        browser = sign_in(role)
        answer = browser.get(path) if method == "GET" else browser.post(path)
        assert answer.status_code == expected, role
        assert answer.headers["Cache-Control"] == "no-store"


def test_every_address_of_imports_is_in_that_table(admin):
    rules = {rule.rule for rule in admin.url_map.iter_rules() if rule.endpoint.startswith("imports.")}
    assert {path.replace("99", "<int:number>") for _, path, *_ in PERMISSIONS} == rules


def test_no_form_is_taken_without_its_token(admin, editor):
    for method, path, *_ in PERMISSIONS:
        if method == "POST":
            answer = editor.client.post(path, headers=OURS)
            assert answer.status_code == 403
    assert jobs_of(admin).open() == []


def test_a_file_is_uploaded_planned_applied_and_undone(admin, editor, tmp_path):
    path = hospitals(tmp_path / "Hospital_General_Information_2026-10.csv", 30)
    sent = editor.upload(path.name, path.read_bytes())
    assert re.fullmatch(r"/admin/imports/jobs/\d+", sent.location)
    job = page(editor.get(sent.location))
    assert words(job.h1) == "Planning Hospital_General_Information_2026-10.csv"
    assert "waits for the worker" in words(job.main)
    assert "No worker is running" in words(job.main)
    assert job.select_one("[data-job]")["data-job"] == f"{sent.location}.json"
    work_off(admin)

    run_path = editor.get(sent.location).location
    run = page(editor.get(run_path))
    assert "waits to be applied" in words(run.h1.parent)
    assert buttons(run) == ["Apply", "Discard"]
    assert "To apply it takes about" in words(run.main)
    counts = {words(row.th): words(row.td) for row in run.select_one("#counts-title").parent.select("tr")}
    assert (counts["new"], counts["gone"]) == ("30", "0")
    samples = run.select_one("#action-new").parent
    assert words(samples.h2) == "New: the first 5 of 30"
    assert len(samples.select("tbody")) == 5
    field, before, after = [words(one) for one in samples.select_one("tbody tr").select("td")]
    assert (field, before) == ("name", "nothing")
    assert after.startswith("Hospital Number")

    sent = editor.press(run, "Apply")
    assert words(page(editor.get(sent.location)).h1).startswith("Applying run")
    work_off(admin)
    run = page(editor.get(editor.get(sent.location).location))
    assert buttons(run) == ["Undo"]
    assert words(run.select_one("#counts-title")) == "What it changed"

    sent = editor.press(run, "Undo")
    work_off(admin)
    undo = page(editor.get(editor.get(sent.location).location))
    assert "It undoes run" in words(undo.h1.parent)
    assert buttons(undo) == []
    assert buttons(page(editor.get(run_path))) == ["Plan again"]
    actions = [(who, action) for who, action, _ in audited(admin)]
    assert actions == [("edith", "import-plan"), ("edith", "import-apply"), ("edith", "import-undo")]


def test_the_list_shows_the_newest_run_first_with_its_counts(admin, editor, sign_in, tmp_path):
    planned(admin, editor, hospitals(tmp_path / "some.csv", 12))
    planned(admin, editor, hospitals(tmp_path / "more.csv", 1_000 // 8))

    soup = page(sign_in(Role.VIEWER).get("/admin/imports"))

    heads = [words(one) for one in soup.select("thead th")]
    first, second = ([words(one) for one in row.select("th, td")] for row in soup.select("tbody tr")[:2])
    assert heads[0] == "Run"
    assert dict(zip(heads[1:-1], first[1:-1], strict=True)) == {
        "Source": "facilities", "State": "waits to be applied", "new": "125", "changed": "0", "deactivated": "0",
        "reactivated": "0", "gone": "0", "rejected": "0", "warnings": "0",
    }  # fmt: skip
    assert second[heads.index("new")] == "12"
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d ?, edith", first[-1])
    assert soup.select("tbody td.number")
    assert buttons(soup) == []
    assert buttons(page(editor.get("/admin/imports"))) == ["New import"]


def test_a_file_that_the_source_refuses_begins_nothing_and_is_not_kept(admin, editor):
    before = len(editor_runs(admin))

    soup = page(editor.upload("letter.csv", b"Dear reader,\n"), 422)

    assert "letter.csv" in words(soup.select_one("#errors"))
    assert soup.select_one("#errors a")["href"] == "#field-file"
    assert soup.select_one('#field-source option[value="facilities"]').has_attr("selected")
    assert (jobs_of(admin).open(), len(editor_runs(admin)), audited(admin)) == ([], before, [])
    assert list(Imports(admin.extensions["finder"]).inbox.iterdir()) == []


def editor_runs(admin):
    return Imports(admin.extensions["finder"]).runs(500)


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd", "etc_passwd"),
        ("..\\..\\boot.csv", "boot.csv"),
        (".hidden.csv", "hidden.csv"),
        ("\u202ecsv.exe", "csv.exe"),
        ("…", "upload"),
        ("a" * 300 + ".csv", "a" * 116 + ".csv"),
        ("list.mapping.json", "list.mapping.json"),
    ],
)
def test_an_upload_is_kept_under_a_safe_name(admin, editor, tmp_path, name, kept):
    content = hospitals(tmp_path / "hospitals.csv", 3).read_bytes()

    assert editor.upload(name, content).status_code == 303

    (path,) = Imports(admin.extensions["finder"]).inbox.iterdir()
    assert (path.name, path.read_bytes()) == (kept, content)


def test_two_files_of_one_name_are_both_kept(admin, editor, tmp_path):
    contents = [hospitals(tmp_path / f"{size}.csv", size).read_bytes() for size in (3, 4)]

    for content in contents:
        assert editor.upload("hospitals.csv", content).status_code == 303

    inbox = Imports(admin.extensions["finder"]).inbox
    assert {one.name: one.read_bytes() for one in inbox.iterdir()} == dict(
        zip(("hospitals.csv", "hospitals-2.csv"), contents, strict=True)
    )


def test_a_form_without_a_file_or_source_asks_for_it(editor):
    assert "Choose a file" in words(page(editor.post("/admin/imports/upload", source="facilities"), 422).main)
    assert "Choose a source" in words(page(editor.upload("a.csv", b"a\n", source="atlantis"), 422).main)


def test_a_file_that_is_too_large_is_refused_before_it_is_read(admin, editor, sign_in, tmp_path):
    soup = page(editor.upload("large.csv", b"x" * (LARGEST + 1)), 413)
    assert "at most 400.0 kB" in words(soup.main)
    assert list(Imports(admin.extensions["finder"]).inbox.iterdir()) == []

    form = page(editor.get("/admin/imports/new")).select_one("[data-largest]")
    assert (form["data-largest"], "400.0 kB" in form["data-too-large"]) == (str(LARGEST), True)
    assert sign_in(Role.VIEWER).upload("large.csv", b"x" * (LARGEST + 1)).status_code == 403


@pytest.mark.parametrize("with_length", [True, False])
def test_a_stream_that_says_or_hides_that_it_is_too_large_ends_at_the_limit(admin, editor, with_length):
    """Over a real socket, as only there a body is announced and then never sent."""
    server = make_server("127.0.0.1", 0, admin, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    cookie = editor.client.get_cookie("admin_session", path="/admin").value
    head = (
        "POST /admin/imports/upload HTTP/1.1\r\nHost: 127.0.0.1\r\nSec-Fetch-Site: same-origin\r\n"
        f"Cookie: admin_session={cookie}\r\nContent-Type: multipart/form-data; boundary=b\r\n"
    )
    with socket.create_connection(server.server_address, timeout=20) as connection:
        if with_length:
            connection.sendall(f"{head}Content-Length: {10**12}\r\n\r\n".encode())
        else:
            part = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n' + b"x" * 2 * LARGEST
            connection.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n{len(part):x}\r\n".encode() + part)
        status = connection.makefile("rb").readline().split()[1]
    server.shutdown()
    server.server_close()

    assert status == b"413"
    assert [one for one in Imports(admin.extensions["finder"]).inbox.iterdir() if one.name[0] != "."] == []


def test_a_file_of_the_inbox_can_be_chosen_and_nothing_else(admin, editor, tmp_path):
    inbox = Imports(admin.extensions["finder"]).inbox
    hospitals(inbox / "hospitals.csv", 3)
    for name in (".upload-x", "hospitals.csv.mapping.json", "big.zip.part"):
        (inbox / name).write_text("not a file to choose")
    offered = page(editor.get("/admin/imports/new")).select("#field-inbox option")
    assert [one["value"] for one in offered] == ["hospitals.csv"]

    for name in ("../directory.sqlite", "/etc/passwd", "none.csv", ""):
        soup = page(editor.post("/admin/imports", source="facilities", file=name), 422)
        assert soup.select_one("#errors a")["href"] == "#field-inbox"
    assert jobs_of(admin).open() == []

    sent = editor.post("/admin/imports", source="facilities", file="hospitals.csv")
    work_off(admin)
    assert "/runs/" in editor.get(sent.location).location


def test_a_job_tells_a_script_how_far_it_is_and_can_be_cancelled(admin, editor, sign_in, tmp_path):
    path = hospitals(tmp_path / "hospitals.csv", 3)
    sent = editor.upload(path.name, path.read_bytes())
    assert editor.get(f"{sent.location}.json").json == {
        "open": True,
        "share": 0.0,
        "worker": False,
        "words": {
            "state": "waits for the worker", "done": "nothing yet", "rows": "0", "rate": "not known yet",
            "remaining": "not known yet", "spent": "about 1 second",
        },
    }  # fmt: skip
    assert buttons(page(sign_in(Role.VIEWER).get(sent.location))) == []
    soup = page(editor.get(sent.location))
    assert soup.select_one("noscript meta")["http-equiv"] == "refresh"

    editor.press(soup, "Cancel")

    work_off(admin)
    soup = page(editor.get(sent.location))
    assert "cancelled" in words(soup.h1.parent)
    assert "Nothing was changed" in words(soup.main)
    assert soup.select_one("noscript meta") is None
    assert editor.post(f"{sent.location}/cancel").status_code == 404
    assert audited(admin)[-1][:2] == ("edith", "import-cancel")


def test_a_guard_stops_a_plan_and_only_an_owner_goes_on(admin, editor, sign_in, tmp_path):
    path, stopped = planned(admin, editor, hospitals(tmp_path / "most.csv", 20, extra=[BAD] * 15))
    assert "stopped by a guard" in words(stopped.h1.parent)
    assert "15 of 35 rows would be rejected" in words(stopped.select_one(".notice"))
    assert buttons(stopped) == ["Plan again", "Discard"]
    assert editor.post(f"{path}/apply").status_code == 404

    owner = sign_in(Role.OWNER)
    assert buttons(page(owner.get(path))) == ["Plan again", "Go on anyway", "Discard"]
    asked = page(owner.get(f"{path}/force"))
    assert "15 of 35 rows would be rejected" in words(asked.main)
    sent = owner.press(asked, "Yes, plan it without guards")
    work_off(admin)

    forced = page(owner.get(owner.get(sent.location).location))
    assert "waits to be applied" in words(forced.h1.parent)
    assert "discarded" in words(page(owner.get(path)).h1.parent)
    assert [one[:2] for one in audited(admin)] == [
        ("edith", "import-plan"), ("olga", "import-force"), ("olga", "import-discard"),
    ]  # fmt: skip
    assert owner.get(f"{path}/force").status_code == 404


def test_an_outdated_plan_says_so_and_is_planned_again(admin, editor, tmp_path):
    first, soup = planned(admin, editor, hospitals(tmp_path / "first.csv", 3))
    second, _ = planned(admin, editor, hospitals(tmp_path / "second.csv", 5))
    editor.press(soup, "Apply")
    work_off(admin)

    outdated = page(editor.get(second))
    assert "cannot be applied. Plan it again" in words(outdated.main)
    assert buttons(outdated) == ["Plan again", "Discard"]
    assert editor.post(f"{second}/apply").location == second
    sent = editor.press(outdated, "Plan again")
    work_off(admin)

    again = page(editor.get(editor.get(sent.location).location))
    assert buttons(again) == ["Apply", "Discard"]
    assert "discarded" in words(page(editor.get(second)).h1.parent)
    assert "applied" in words(page(editor.get(first)).h1.parent)


def test_a_plan_whose_file_is_gone_cannot_be_planned_again(admin, editor, tmp_path):
    path, soup = planned(admin, editor, hospitals(tmp_path / "most.csv", 20, extra=[BAD] * 15))
    (Imports(admin.extensions["finder"]).inbox / "most.csv").unlink()

    soup = page(editor.get(path))
    assert "not there any more" in words(soup.main)
    assert buttons(soup) == ["Discard"]
    assert editor.post(f"{path}/again").status_code == 422
    assert "stopped by a guard" in words(page(editor.get(path)).h1.parent)


def test_problems_are_shown_by_code_with_the_first_rows_and_given_as_csv(admin, editor, sign_in, tmp_path):
    bad = ("=1+1", *BAD[1:])
    path, soup = planned(admin, editor, hospitals(tmp_path / "some.csv", 2_000, extra=[bad] * 9))

    assert words(soup.select_one("#code-1")) == "Bad ccn: 9"
    table = soup.select_one('[aria-label="Table: bad ccn"]')
    rows = [[words(one) for one in row.select("td")] for row in table.select("tbody tr")]
    assert len(rows) == 5
    assert (rows[0][0], rows[0][3], rows[0][5]) == ("2002", "=1+1", "rejected")

    answer = sign_in(Role.VIEWER).get(f"{path}/problems.csv")
    assert answer.mimetype == "text/csv"
    assert "attachment" in answer.headers["Content-Disposition"]
    found = list(csv.DictReader(io.StringIO(answer.get_data(as_text=True))))
    assert (len(found), found[0]["value"]) == (9, "'=1+1")


def test_what_a_file_says_cannot_become_code(admin, editor, tmp_path):
    name = ("999999", HOSTILE, HOSTILE, HOSTILE, "MA", "02115", "", "", "Acute Care Hospitals", "", "")
    code = (HOSTILE, *BAD[1:])

    _, soup = planned(admin, editor, hospitals(tmp_path / "a.csv", 1, extra=[name, code]))

    assert "alert(1)" in words(soup.main)
    assert soup.main.find("script") is None
    assert "{{7*7}}" in words(soup.main)


def test_a_file_that_changes_nothing_says_so_and_offers_nothing(admin, editor, tmp_path):
    path = hospitals(tmp_path / "some.csv", 3)
    _, soup = planned(admin, editor, path)
    editor.press(soup, "Apply")
    work_off(admin)

    _, soup = planned(admin, editor, path)

    assert "nothing to change" in words(soup.h1.parent)
    assert buttons(soup) == []


def test_a_plan_is_discarded(admin, editor, tmp_path):
    path, soup = planned(admin, editor, hospitals(tmp_path / "some.csv", 3))

    sent = editor.press(soup, "Discard")

    soup = page(editor.get(sent.location))
    assert "The plan is discarded" in words(soup.main)
    assert buttons(soup) == ["Plan again"]
    assert editor.post(f"{path}/discard").status_code == 404
    assert audited(admin)[-1] == ("edith", "import-discard", f"run {path.rsplit('/', 1)[1]}")


def test_while_the_directory_is_locked_a_form_says_so_and_changes_nothing(admin, editor, tmp_path):
    path, soup = planned(admin, editor, hospitals(tmp_path / "some.csv", 3))
    database = admin.extensions["finder"].database
    with database.transaction() as session:
        session.add(User(name="blocker", role=Role.VIEWER, made_at=datetime.now(UTC)))
        session.flush()
        answer = editor.press(soup, "Discard")
        session.rollback()

    assert "Wait until the running import is done" in words(page(answer, 503).main)
    assert buttons(page(editor.get(path))) == ["Apply", "Discard"]


TABLE = b"Doctor no,Last Name,Where,Hospital\n1234567893,Ruiz,Boston,A\n1992999825,Brown,Salem,\n"


def chosen(soup):
    """What the form for the columns would send, as it stands."""
    form = next(one for one in soup.select("main form") if one.select("select"))
    hidden = {one["name"]: one["value"] for one in form.select("input[type=hidden]")}
    selects = {one["name"]: (one.select_one("[selected]") or one.option)["value"] for one in form.select("select")}
    return form["action"], hidden | selects


def as_clinicians(editor, sent, **fields):
    """Say that the rows are clinicians, and what their columns are."""
    soup = page(editor.get(f"{sent.location}&rows=clinicians"))
    action, data = chosen(soup)
    return editor.post(action, **(data | {"column-1": "npi"} | fields))


def test_the_columns_of_a_table_are_asked_for_before_it_is_planned(admin, editor):
    sent = editor.upload("list.csv", TABLE, "table")
    assert sent.location == "/admin/imports/columns?file=list.csv"
    soup = page(editor.get(sent.location))
    assert words(soup.h1) == "Columns of list.csv"
    assert "This is a proposal" in words(soup.main)
    row = soup.select("tbody tr")[2]
    assert (words(row.th), words(row.td)) == ("Where", "Boston Salem")
    assert "The rows are centers" in words(soup.main)
    assert [one["value"] for one in soup.select('main button[name="rows"]')] == ["clinicians"]
    assert jobs_of(admin).open() == []

    answer = as_clinicians(editor, sent, **{"column-3": "city"})
    work_off(admin)

    run = editor.get(answer.location).location
    soup = page(editor.get(run))
    assert "Boston" in words(soup.select_one("#action-new").parent)
    assert buttons(soup) == ["Apply", "Columns", "Discard"]
    assert [one[1:] for one in audited(admin)] == [("import-columns", "list.csv"), ("import-plan", "table")]


def test_the_next_table_with_the_same_headings_has_them_chosen_already(admin, editor):
    as_clinicians(editor, editor.upload("list.csv", TABLE, "table"), **{"column-3": "city"})

    (Imports(admin.extensions["finder"]).inbox / "next.csv").write_bytes(TABLE.replace(b"Ruiz", b"Weiss"))
    sent = editor.post("/admin/imports", source="table", file="next.csv")

    soup = page(editor.get(sent.location))
    assert "These columns were decided before" in words(soup.main)
    assert [chosen(soup)[1][f"column-{n}"] for n in range(1, 5)] == ["npi", "family", "city", "organization_name"]


@pytest.mark.parametrize(
    ("fields", "places", "said"),
    [
        ({"column-1": ""}, ["columns"], "There is no column for the NPI"),
        (
            {"column-3": "city", "column-4": "city"},
            ["column-3", "column-4"],
            "Where: only one column can give the city",
        ),
        ({"column-4": "ccn"}, ["column-4"], "there is no field 'ccn'"),
    ],
)
def test_columns_that_cannot_be_used_are_told_at_their_fields(admin, editor, fields, places, said):
    sent = editor.upload("list.csv", TABLE, "table")

    soup = page(as_clinicians(editor, sent, **fields), 422)

    assert said in words(soup.select_one("#errors"))
    assert [one["href"] for one in soup.select("#errors a")] == [f"#field-{place}" for place in places]
    for place in places:
        assert soup.select_one(f"#field-{place}")["aria-describedby"] == f"{place}-error"
    kept = {"column-2": "family"} | {name: field for name, field in fields.items() if field != "ccn"}
    assert kept.items() <= chosen(soup)[1].items()
    assert jobs_of(admin).open() == []
    assert not (Imports(admin.extensions["finder"]).inbox / "list.csv.mapping.json").exists()


def test_the_columns_of_a_run_are_changed_and_it_is_planned_again_even_when_it_was_applied(admin, editor):
    answer = as_clinicians(editor, editor.upload("list.csv", TABLE, "table"))
    work_off(admin)
    first = editor.get(answer.location).location
    editor.press(page(editor.get(first)), "Apply")
    work_off(admin)
    link = page(editor.get(first)).select_one("main .buttons a")
    action, data = chosen(page(editor.get(link["href"])))
    assert action == f"{first}/columns"

    answer = editor.post(action, **(data | {"column-3": "city"}))
    work_off(admin)

    second = editor.get(answer.location).location
    soup = page(editor.get(second))
    assert "waits to be applied" in words(soup.h1.parent)
    assert "Boston" in words(soup.select_one("#action-changed").parent)
    answer = editor.post(f"{second}/columns", **data)
    work_off(admin)
    assert "discarded" in words(page(editor.get(second)).h1.parent)
    assert "nothing to change" in words(page(editor.get(editor.get(answer.location).location)).h1.parent)


def test_columns_are_not_changed_while_the_table_is_planned(admin, editor):
    sent = editor.upload("list.csv", TABLE, "table")
    as_clinicians(editor, sent)
    (job,) = jobs_of(admin).open()
    with admin.extensions["finder"].database.transaction() as session:
        session.get(Job, job.number).state = "working"

    soup = page(as_clinicians(editor, sent, **{"column-3": "city"}), 422)

    assert "list.csv is being planned by other columns right now" in words(soup.select_one("#errors"))


def test_what_a_table_says_cannot_become_code(editor):
    sent = editor.upload("list.csv", f"npi,last name,{HOSTILE}\n1234567893,{HOSTILE},1\n".encode(), "table")

    soup = page(editor.get(sent.location))

    assert words(soup.main).count(HOSTILE) == 2
    assert soup.main.find("script") is None


def test_a_file_that_is_no_table_is_not_kept_and_the_run_of_another_source_has_no_columns(admin, editor, tmp_path):
    soup = page(editor.upload("letter.csv", b"Dear reader,\n", "table"), 422)
    assert "letter.csv has no column that is known" in words(soup.select_one("#errors"))
    assert list(Imports(admin.extensions["finder"]).inbox.iterdir()) == []

    path, _ = planned(admin, editor, hospitals(tmp_path / "some.csv", 3))
    assert editor.get(f"{path}/columns").status_code == 404
    assert editor.get("/admin/imports/columns?file=../directory.sqlite").status_code == 404


@pytest.mark.parametrize(
    ("count", "said"), [(0, "0 bytes"), (999, "999 bytes"), (1_000, "1.0 kB"), (2.5e6, "2.5 MB"), (2e10, "20.0 GB")]
)
def test_bytes_in_words(count, said):
    assert imports.bytes_in_words(count) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "about 1 second"), (59.6, "about 60 seconds"), (600, "about 10 minutes"), (9_000, "about 2.5 hours")],
)
def test_seconds_in_words(seconds, said):
    assert imports.seconds_in_words(seconds) == said


def test_an_upload_goes_straight_to_the_inbox(admin, editor, tmp_path, monkeypatch):
    """Even where no temporary folder can be written to."""
    monkeypatch.setattr("tempfile.tempdir", os.devnull)
    path = hospitals(tmp_path / "hospitals.csv", 3_000)

    assert editor.upload(path.name, path.read_bytes()).status_code == 303
