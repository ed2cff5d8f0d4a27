"""Imports as an admin does them: real files, real processes, and processes that are killed."""

import csv
import ctypes
import json
import os
import random
import re
import resource
import signal
import sqlite3
import subprocess
import sys
import time
import uuid
from contextlib import closing, contextmanager
from dataclasses import replace

import pytest
from sqlalchemy import NullPool, create_engine, make_url

from finder.errors import ImportBusy, NotFound, SourceError
from finder.imports import Imports
from finder.services import Services, setup
from finder.settings import load
from finder.sources.table import Column, Mapping_, as_rows_of

COLUMNS = ("Facility ID", "Facility Name", "Address", "City/Town", "State", "ZIP Code", "County/Parish",
           "Telephone Number", "Hospital Type", "Hospital Ownership", "Emergency Services")  # fmt: skip


def hospitals(path, size, *, first=0, phone="(555) 234-0100", extra=()):
    """Write a hospital list in CMS's form, with numbers that no hospital has."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for n in range(first, first + size):
            writer.writerow(
                (f"99{n:04}", f"HOSPITAL NUMBER {n}", f"{n + 1} MAIN STREET", "BOSTON", "MA", "02115", "SUFFOLK",
                 phone, "Acute Care Hospitals", "Proprietary", "Yes")
            )  # fmt: skip
        writer.writerows(extra)
    return path


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """An instance that holds the shipped lists, to be copied."""
    settings = load({"FINDER_INSTANCE": str(tmp_path_factory.mktemp("prepared"))})
    setup(settings, lambda line: None)
    return settings


@pytest.fixture
def settings(request, prepared, tmp_path):
    """The shipped lists in an embedded database, or in a PostgreSQL one where a test names that."""
    instance = tmp_path / "instance"
    instance.mkdir()
    link_index(prepared.instance, instance)
    if getattr(request, "param", "sqlite") == "sqlite":
        copy_database(prepared.instance, instance)
        yield load({"FINDER_INSTANCE": str(instance)})
        return
    with postgres_database() as url:
        settings = load({"FINDER_INSTANCE": str(instance), "FINDER_DATABASE_URL": url})
        setup(settings, lambda line: None)
        yield settings


def link_index(source, target):
    for file in source.glob("gazetteer-*.sqlite"):
        (target / file.name).symlink_to(file)


@contextmanager
def postgres_database():
    """The address of an empty database that is dropped at the end."""
    server = os.environ.get("TEST_POSTGRES_URL")
    if not server:
        pytest.fail("TEST_POSTGRES_URL is not set; scripts/test starts a server, or say --without postgres")
    name = f"test_{uuid.uuid4().hex}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    try:
        yield make_url(server).set(database=name).render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
        engine.dispose()


def copy_database(source, target):
    with (
        closing(sqlite3.connect(source / "directory.sqlite")) as old,
        closing(sqlite3.connect(target / "directory.sqlite")) as new,
    ):
        old.backup(new)


@pytest.fixture
def imports(settings):
    services = Services.build(settings)
    yield Imports(services)
    services.database.dispose()


def state(settings):
    """What readers and sources see, without the numbers that only count rows."""
    # In one snapshot, for what a server is still doing must not be seen in one table and not in the other.
    engine = create_engine(settings.database(), poolclass=NullPool, isolation_level="SERIALIZABLE")
    with engine.connect() as database:
        read = (
            "SELECT source, key, resource_id, entry, ending FROM source_record",
            "SELECT id, name, street, audience, capability FROM listing",
            "SELECT id, name FROM organization",
        )
        return tuple(sorted(map(tuple, database.exec_driver_sql(text))) for text in read)


def test_a_file_is_planned_applied_and_undone(imports, settings, tmp_path):
    before = state(settings)

    run = imports.plan("facilities", hospitals(tmp_path / "hospitals.csv", 30), "Ann")
    assert (run.status, run.counts["new"], run.who, run.file) == ("planned", 30, "Ann", "hospitals.csv")
    assert state(settings) == before

    assert imports.apply(run.number).mode == "apply"
    assert len(state(settings)[2]) == len(before[2]) + 30

    assert imports.undo(run.number, "Ann").counts["gone"] == 30
    assert state(settings) == before
    assert imports.run(run.number).status == "undone"


def test_a_hospital_list_mends_the_phone_of_a_center_by_its_number(imports, settings, tmp_path):
    real = ("220162", "DANA-FARBER CANCER INSTITUTE", "450 BROOKLINE AVENUE", "BOSTON", "MA", "02215", "SUFFOLK",
            "(617) 632-3001", "Acute Care Hospitals", "Proprietary", "No")  # fmt: skip
    path = hospitals(tmp_path / "Hospital_General_Information_2026-10.csv", 1, extra=[real])

    imports.apply(imports.plan("facilities", path, "Ann").number)

    with closing(sqlite3.connect(settings.instance / "directory.sqlite")) as database:
        (facts,) = database.execute("SELECT facts FROM listing WHERE slug = 'dana-farber'").fetchone()
    phones = [(fact[1], fact[2], fact[4]) for fact in json.loads(facts) if fact[0] == "phone"]
    assert phones[0][0] == "617-632-3001"
    assert "Hospital General Information" in phones[0][1]
    assert phones[0][2] == "2026-10"


def test_progress_is_told_in_bytes_and_rows(imports, tmp_path):
    path, told = hospitals(tmp_path / "hospitals.csv", 900), []

    imports.plan("facilities", path, "Ann", lambda *now: told.append(now))

    assert told[-1] == (path.stat().st_size, path.stat().st_size, 900)
    assert [rows for _, _, rows in told] == sorted(rows for _, _, rows in told)
    assert len(told) > 3


def test_problems_are_written_as_a_csv_that_no_spreadsheet_runs(imports, tmp_path):
    bad = ("=1+1", "HOSPITAL", "1 MAIN STREET", "BOSTON", "MA", "02115", "", "", "Acute Care Hospitals", "", "")
    run = imports.plan("facilities", hospitals(tmp_path / "hospitals.csv", 3, extra=[bad]), "Ann")

    with imports.write_problems(run.number).open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)

    assert (row["severity"], row["line"], row["code"], row["value"]) == ("error", "5", "bad-ccn", "'=1+1")


def test_a_file_that_is_not_there_or_of_another_kind_begins_no_run(imports, tmp_path):
    count = len(imports.runs())
    (tmp_path / "letter.csv").write_text("Dear reader,\n")

    with pytest.raises(SourceError, match=r"nothing\.csv is not there"):
        imports.plan("facilities", tmp_path / "nothing.csv", "Ann")
    with pytest.raises(SourceError, match=r"letter\.csv"):
        imports.plan("facilities", tmp_path / "letter.csv", "Ann")
    with pytest.raises(NotFound, match="there are centers"):
        imports.plan("atlantis", tmp_path / "letter.csv", "Ann")

    assert len(imports.runs()) == count


@pytest.mark.parametrize("name", ["../settings.py", "/etc/passwd", "none.csv", ".."])
def test_only_files_of_the_inbox_are_taken_from_it(imports, name):
    with pytest.raises(NotFound, match="in the inbox"):
        imports.from_inbox(name)


def test_a_second_import_at_the_same_time_is_refused(imports, settings, tmp_path):
    path, other = hospitals(tmp_path / "hospitals.csv", 900), Imports(Services.build(settings))

    def meanwhile(*_):
        with pytest.raises(ImportBusy, match="Another import is at work"):
            other.plan("facilities", path, "Bob")
        asked.append(True)

    asked = []
    imports.plan("facilities", path, "Ann", meanwhile)
    assert asked


def finder(settings, *arguments, **options):
    environment = os.environ | {"FINDER_INSTANCE": str(settings.instance)}
    environment.pop("FINDER_DATABASE_URL", None)
    command = [sys.executable, "-m", "finder", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False, **options)


def test_the_commands_import_show_and_undo(settings, tmp_path):
    path = hospitals(tmp_path / "hospitals.csv", 20)

    planned = finder(settings, "import", "facilities", path)
    assert planned.returncode == 0, planned.stderr
    assert "20 new" in planned.stdout

    applied = finder(settings, "import", "facilities", path, "--apply", "--json")
    done = json.loads(applied.stdout)
    assert (applied.returncode, done["mode"], done["status"], done["counts"]["new"]) == (0, "apply", "applied", 20)

    again = finder(settings, "import", "facilities", path, "--apply", "--json")
    assert (again.returncode, json.loads(again.stdout)["status"]) == (0, "unchanged")

    runs = [json.loads(line) for line in finder(settings, "runs", "--json").stdout.splitlines()]
    assert done | {"problems_csv": ""} in runs
    assert json.loads(finder(settings, "run", done["run"], "--json").stdout)["counts"] == done["counts"]

    assert json.loads(finder(settings, "undo", done["run"], "--json").stdout)["counts"]["gone"] == 20


def test_exit_codes_tell_rejected_rows_a_guard_and_an_unusable_file(settings, tmp_path):
    bad = ("12", "HOSPITAL", "1 MAIN STREET", "BOSTON", "MA", "02115", "", "", "Acute Care Hospitals", "", "")
    some, most = tmp_path / "some.csv", tmp_path / "most.csv"
    hospitals(some, 20, extra=[bad])
    hospitals(most, 20, extra=[bad] * 15)
    (tmp_path / "letter.csv").write_text("Dear reader,\n")

    assert finder(settings, "import", "facilities", some).returncode == 2
    stopped = finder(settings, "import", "facilities", most)
    assert stopped.returncode == 3
    assert "would be rejected" in stopped.stdout
    unusable = finder(settings, "import", "facilities", tmp_path / "letter.csv")
    assert unusable.returncode == 4
    assert "letter.csv" in unusable.stderr
    assert "Traceback" not in unusable.stderr


def doctors(path, where="Boston"):
    path.write_text(f"Doctor no,Last Name,Where,Hospital\n1234567893,Ruiz,{where},Example\n", encoding="utf-8")
    return path


def test_what_was_decided_for_the_columns_of_a_table_is_used_for_the_next_one(imports, tmp_path):
    first, second = doctors(tmp_path / "july.csv"), doctors(tmp_path / "august.csv", "Salem")
    columns = as_rows_of("PractitionerRole", imports.mapping(first)).columns
    with pytest.raises(SourceError, match="There is no column for the NPI yet"):
        imports.remember_mapping(first, Mapping_("PractitionerRole", columns))
    assert not (tmp_path / "july.csv.mapping.json").exists()
    decided = Mapping_("PractitionerRole", (replace(columns[0], field="npi"), *columns[1:]))

    imports.remember_mapping(first, decided)

    assert [column.field for column in imports.mapping(second).columns] == ["npi", "family", "", "organization_name"]
    assert imports.plan("table", second, "Ann").counts["new"] == 1
    assert (tmp_path / "august.csv.mapping.json").exists()


def test_a_table_that_was_applied_can_be_read_by_other_columns_but_not_twice_by_the_same(imports, tmp_path):
    path = tmp_path / "list.csv"
    path.write_text("NPI,Last Name,Where\n1234567893,Ruiz,Boston\n", encoding="utf-8")
    imports.apply(imports.plan("table", path, "Ann").number)
    mapping = imports.mapping(path)
    imports.remember_mapping(path, mapping)
    assert imports.plan("table", path, "Ann").status == "unchanged"

    imports.remember_mapping(path, Mapping_(mapping.kind, (*mapping.columns[:2], Column("Where", "city"))))

    assert imports.plan("table", path, "Ann").counts["changed"] == 1


def test_the_command_shows_and_decides_what_the_columns_of_a_table_are(settings, tmp_path):
    path = doctors(tmp_path / "my list.csv")
    shown = finder(settings, "mapping", path).stdout
    assert "my list.csv, a table of centers, its columns proposed:" in shown
    assert "   3  Where      (not read)              Boston\n" in shown
    assert f"finder mapping '{path}' --set" in shown

    decided = finder(settings, "mapping", path, "--rows", "clinicians", "--set", "doctor no=npi", "--set", "3=city")
    assert decided.returncode == 0, decided.stderr
    assert "a table of clinicians, its columns decided:" in decided.stdout
    assert "   1  Doctor no  npi " in decided.stdout

    planned = finder(settings, "import", "table", path, "--json")
    assert "   3  Where      city " in planned.stderr
    assert json.loads(planned.stdout)["counts"]["new"] == 1
    left_out = finder(settings, "mapping", path, "--set", "Where=").stdout
    assert "   3  Where      (not read) " in left_out


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("Where=ccn", "no field 'ccn' in a table of clinicians. The fields are npi, family, "),
        ("Who=city", "no column 'Who'. The columns are NPI, Last Name, Where, Note, Note."),
        ("Note=city", "2 columns are named 'Note'. Name one by its number: 4 or 5."),
        ("Where", "Write --set 'COLUMN=FIELD'"),
        ("NPI=", "There is no column for the NPI yet"),
        ("Where=npi", "NPI: only one column can give the NPI. Where: only one column can give the NPI."),
    ],
)
def test_the_command_refuses_what_cannot_be_set(settings, tmp_path, setting, said):
    path = tmp_path / "list.csv"
    path.write_text("NPI,Last Name,Where,Note,Note\n1234567893,Ruiz,Boston,,\n", encoding="utf-8")

    refused = finder(settings, "mapping", path, "--set", setting)

    assert refused.returncode == 4
    assert said in refused.stderr
    assert not (tmp_path / "list.csv.mapping.json").exists()


@pytest.mark.parametrize("room", [0, 300_000])
def test_a_disk_that_takes_no_more_stops_an_import_with_words_and_changes_nothing(settings, tmp_path, room):
    path, before = hospitals(tmp_path / "hospitals.csv", 2_000), state(settings)

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

    says_why(finder(settings, "import", "facilities", path, "--apply", preexec_fn=limit))

    assert state(settings) == before


def says_why(done, cause=""):
    """Look at the words of an import that could not write: what the cause is and what to do, and no traceback."""
    assert done.returncode == 1, done.stdout
    assert re.search(
        f"cannot be written: .*{cause}.*Nothing was changed. (Look at the disk|See that its disk)", done.stderr
    )
    assert "Traceback" not in done.stderr


def test_an_import_that_a_full_disk_stopped_is_done_when_there_is_room(prepared, settings, tmp_path):
    path = hospitals(tmp_path / "hospitals.csv", 500)
    assert finder(settings, "import", "facilities", path, "--apply").returncode == 0
    with small_disk(prepared, tmp_path / "disk") as (on_disk, remount):
        before = state(on_disk)
        # As little as nothing, and as much as stops it at the plan, while it is made live, and when that is written.
        for room in (0, 100_000, 800_000, 1_400_000):
            remount(f"size={used(on_disk.instance) + room}")
            says_why(finder(on_disk, "import", "facilities", path, "--apply"), "disk")
            remount(f"size={ROOMY}")
            assert state(on_disk) == before

        assert finder(on_disk, "import", "facilities", path, "--apply").returncode == 0
        assert state(on_disk) == state(settings)


def test_an_import_on_a_disk_that_cannot_be_written_says_so_and_changes_nothing(prepared, tmp_path):
    path = hospitals(tmp_path / "hospitals.csv", 30)
    with small_disk(prepared, tmp_path / "disk") as (on_disk, remount):
        before = state(on_disk)
        remount("ro")
        says_why(finder(on_disk, "import", "facilities", path, "--apply"), "Read-only file system")
        remount("rw")
        assert state(on_disk) == before
        assert finder(on_disk, "import", "facilities", path, "--apply").returncode == 0


@pytest.mark.parametrize(
    ("protected", "rights", "cause"),
    [(".", 0o555, "Permission denied"), ("directory.sqlite", 0o444, "readonly database")],
)
def test_an_import_that_may_not_write_says_so_and_changes_nothing(settings, tmp_path, protected, rights, cause):
    path, before, kept = hospitals(tmp_path / "hospitals.csv", 30), state(settings), settings.instance / protected
    usual = kept.stat().st_mode
    kept.chmod(rights)
    try:
        if subprocess.run(["test", "-w", kept], check=False, preexec_fn=obey_rights).returncode == 0:
            pytest.skip("rights do not bind this user, and the power to pass over them cannot be given up")
        says_why(finder(settings, "import", "facilities", path, "--apply", preexec_fn=obey_rights), cause)
    finally:
        kept.chmod(usual)

    assert state(settings) == before
    assert finder(settings, "import", "facilities", path, "--apply").returncode == 0


def obey_rights():
    """Give up root's power to pass over the rights of files (PR_CAPBSET_DROP, CAP_DAC_OVERRIDE) at the next exec."""
    ctypes.CDLL(None).prctl(24, 1)


ROOMY = 200_000_000


@contextmanager
def small_disk(prepared, folder):
    """An instance on a disk of its own, with the shipped lists, and a function that gives the disk other options."""
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={ROOMY}", "finder-test", folder],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(
            f"a small disk cannot be mounted here ({mounted.stderr.strip()}); the file size limit stands for it"
        )
    try:
        link_index(prepared.instance, folder)
        copy_database(prepared.instance, folder)
        yield (
            load({"FINDER_INSTANCE": str(folder)}),
            lambda options: subprocess.run(["mount", "-o", f"remount,{options}", folder], check=True),
        )
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def used(folder):
    about = os.statvfs(folder)
    return (about.f_blocks - about.f_bfree) * about.f_frsize


def in_another_process(settings, work):
    """Run work in a process that was forked from this one, and return its id."""
    child = os.fork()
    if child:
        return child
    try:
        work(Imports(Services.build(settings)))
        os._exit(0)
    except BaseException:  # Whatever happens, the child must not go on as a second test run.
        os._exit(1)


def test_two_processes_importing_at_once_end_as_one_after_the_other(settings, tmp_path):
    paths = [hospitals(tmp_path / f"{n}.csv", 300, first=1_000 * n) for n in (1, 2)]

    def work(path):
        def run(imports):
            while True:
                try:
                    imports.apply(imports.plan("facilities", path, "Ann").number)
                except ImportBusy:
                    time.sleep(0.02)
                else:
                    return

        return run

    children = [in_another_process(settings, work(path)) for path in paths]
    statuses = [os.waitpid(child, 0)[1] for child in children]

    # Each file alone adds only what it names, so the order does not matter.
    assert statuses == [0, 0]
    assert len(state(settings)[2]) == len({row[0] for row in state(settings)[2]})
    assert sum(row[0].startswith("ccn-99") for row in state(settings)[2]) == 600


@pytest.mark.parametrize("settings", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)
def test_a_killed_import_loses_nothing_and_can_be_done_again(settings, tmp_path):
    """Kill the process at twenty random moments; afterwards the end is the same as that of an unbroken run."""
    first = hospitals(tmp_path / "first.csv", 200)
    second = hospitals(tmp_path / "second.csv", 200, first=100, phone="(555) 234-0199")
    imports = Imports(Services.build(settings))
    imports.apply(imports.plan("facilities", first, "Ann").number)
    start = state(settings)
    imports._services.database.dispose()
    began = time.monotonic()
    assert os.waitpid(in_another_process(settings, lambda one: import_when_free(one, second)), 0)[1] == 0
    length, end = time.monotonic() - began, state(settings)
    take_back(imports)
    assert state(settings) == start

    moments, killed = random.Random(4), []
    for _ in range(20):
        imports._services.database.dispose()
        child = in_another_process(settings, lambda one: import_when_free(one, second))
        time.sleep(moments.uniform(0.02, 1.3 * length))
        os.kill(child, signal.SIGKILL)
        killed.append(os.waitpid(child, 0)[1] == signal.SIGKILL)
        now = state(settings)
        assert now in (start, end)
        if now == end:
            take_back(imports)

    assert killed.count(True) >= 5
    import_when_free(imports, second)
    assert state(settings) == end
    assert "planning" not in {one.status for one in imports.runs()}
    imports._services.database.dispose()


def import_when_free(imports, path):
    run = when_free(lambda: imports.plan("facilities", path, "Ann"))
    if run.status != "unchanged":
        when_free(lambda: imports.apply(run.number))


def take_back(imports):
    """Undo the newest run that was applied."""
    number = next(one.number for one in imports.runs() if one.status == "applied" and not one.undo_of)
    when_free(lambda: imports.undo(number, "Ann"))


def when_free(work):
    """Do work as soon as the lock is free: a server notices only after a moment that its client is gone."""
    while True:
        try:
            return work()
        except ImportBusy:
            time.sleep(0.01)
