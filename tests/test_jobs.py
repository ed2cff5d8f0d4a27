"""The worker and its jobs: real files, real processes, and workers that are killed."""

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, update

from finder.accounts import Account, Role, events
from finder.db import RecordChange
from finder.db.models import Job
from finder.errors import NotFound, SourceError
from finder.imports import Imports
from finder.jobs import Jobs
from finder.services import Services, setup
from finder.settings import load
from tests.test_imports import copy_database, hospitals, state

EDITH = Account("edith", Role.EDITOR)
WORKER = """
import os, sys
from finder.jobs import Jobs, end_with_parent
from finder.services import Services
from finder.settings import load
if "beside" in sys.argv:
    end_with_parent()
Jobs(Services.build(load(os.environ))).work()
"""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """An instance that holds the shipped lists, to be copied."""
    settings = load({"FINDER_INSTANCE": str(tmp_path_factory.mktemp("prepared"))})
    setup(settings, lambda line: None)
    return settings


@pytest.fixture
def settings(prepared, tmp_path):
    instance = tmp_path / "instance"
    instance.mkdir()
    for file in prepared.instance.glob("gazetteer-*.sqlite"):
        (instance / file.name).symlink_to(file)
    copy_database(prepared.instance, instance)
    return load({"FINDER_INSTANCE": str(instance)})


@pytest.fixture
def services(settings):
    services = Services.build(settings)
    yield services
    services.database.dispose()


@pytest.fixture
def jobs(services):
    return Jobs(services)


@pytest.fixture
def start_worker(settings):
    """Start a real worker; whatever is still there at the end is killed."""
    workers = []

    def start(*arguments, **options):
        environment = os.environ | {"FINDER_INSTANCE": str(settings.instance)}
        environment.pop("FINDER_DATABASE_URL", None)
        workers.append(subprocess.Popen([sys.executable, "-c", WORKER, *arguments], env=environment, **options))
        return workers[-1]

    yield start
    for worker in workers:
        worker.kill()
        worker.wait(10)
        if worker.stdin:
            worker.stdin.close()


def work_off(jobs):
    """Do in this process what a worker would do now."""
    while task := jobs.queue.dequeue():
        jobs.queue.execute(task)


def wait_for(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")


def kept_changes(services):
    with services.database.reading() as connection:
        return connection.scalar(select(func.count()).select_from(RecordChange))


def audited(services):
    return [(one.who, one.action, one.subject, one.detail) for one in reversed(events(services.database))]


def test_a_plan_is_made_applied_and_undone_by_jobs(database_url, tmp_path):
    settings = load({"FINDER_INSTANCE": str(tmp_path / "instance"), "FINDER_DATABASE_URL": database_url})
    setup(settings, lambda line: None)
    services = Services.build(settings)
    jobs, imports = Jobs(services), Imports(services)
    path = hospitals(tmp_path / "hospitals.csv", 450)

    planning = jobs.plan(EDITH, "facilities", path)
    assert (jobs.status(planning).state, [one.number for one in jobs.open()]) == ("waiting", [planning])
    work_off(jobs)
    done = jobs.status(planning)
    assert (done.state, done.rows, done.done, done.total) == ("done", 450, path.stat().st_size, path.stat().st_size)
    assert (imports.run(done.run).status, imports.run(done.run).who) == ("planned", "edith")

    applying = jobs.apply(EDITH, done.run)
    work_off(jobs)
    assert (jobs.status(applying).state, imports.run(done.run).status) == ("done", "applied")

    undoing = jobs.undo(EDITH, done.run)
    work_off(jobs)
    assert (jobs.status(undoing).state, imports.run(done.run).status) == ("done", "undone")
    assert imports.run(jobs.status(undoing).run).undo_of == done.run
    assert jobs.open() == []
    assert audited(services) == [
        ("edith", "import-plan", "facilities", "hospitals.csv"),
        ("edith", "import-apply", f"run {done.run}", imports.run(done.run).title),
        ("edith", "import-undo", f"run {done.run}", imports.run(done.run).title),
    ]
    services.database.dispose()


def test_a_file_that_its_source_refuses_begins_nothing(jobs, services, tmp_path):
    runs = len(Imports(services).runs())
    (tmp_path / "letter.csv").write_text("Dear reader,\n")

    with pytest.raises(SourceError, match=r"letter\.csv"):
        jobs.plan(EDITH, "facilities", tmp_path / "letter.csv")
    with pytest.raises(SourceError, match=r"nothing\.csv is not there"):
        jobs.plan(EDITH, "facilities", tmp_path / "nothing.csv")
    with pytest.raises(NotFound, match="there are centers"):
        jobs.plan(EDITH, "atlantis", tmp_path / "letter.csv")
    with pytest.raises(NotFound, match="no run 999"):
        jobs.apply(EDITH, 999)

    assert (jobs.open(), len(Imports(services).runs()), audited(services)) == ([], runs, [])


def test_a_button_that_is_pressed_twice_makes_one_job(jobs, tmp_path):
    path = hospitals(tmp_path / "hospitals.csv", 3)

    assert jobs.plan(EDITH, "facilities", path) == jobs.plan(EDITH, "facilities", path)
    assert len(jobs.open()) == 1


def test_a_job_that_waits_is_cancelled_at_once_and_never_begun(jobs, services, tmp_path):
    runs = len(Imports(services).runs())
    number = jobs.plan(EDITH, "facilities", hospitals(tmp_path / "hospitals.csv", 3))

    jobs.cancel(EDITH, number)
    work_off(jobs)

    assert (jobs.status(number).state, len(Imports(services).runs())) == ("cancelled", runs)
    assert audited(services)[-1] == ("edith", "import-cancel", f"job {number}", "")


def test_a_plan_that_is_cancelled_at_work_changes_nothing(jobs, services, settings, start_worker, tmp_path):
    before, changes = state(settings), kept_changes(services)
    number = jobs.plan(EDITH, "facilities", hospitals(tmp_path / "hospitals.csv", 9_000, first=100))
    start_worker()

    told = wait_for(lambda: (now := jobs.status(number)).done and now)
    assert told.state == "working"
    assert 0 < told.share < 1
    assert told.remaining > 0
    jobs.cancel(EDITH, number)

    ended = wait_for(lambda: (now := jobs.status(number)).state != "working" and now)
    assert (ended.state, ended.message, ended.run) == ("cancelled", "Nothing was changed.", None)
    assert ended.rows < 9_000
    assert (state(settings), kept_changes(services)) == (before, changes)
    assert Imports(services).runs()[0].status == "discarded"


@pytest.mark.parametrize("kind", ["plan", "apply"])
def test_a_job_whose_worker_is_killed_has_failed_and_the_next_worker_goes_on(
    jobs, services, settings, start_worker, tmp_path, kind
):
    before, path = state(settings), hospitals(tmp_path / "hospitals.csv", 5_000, first=100)
    number = jobs.plan(EDITH, "facilities", path)
    if kind == "apply":
        work_off(jobs)
        run = jobs.status(number).run
        number = jobs.apply(EDITH, run)
    worker = start_worker()
    wait_for(lambda: jobs.status(number).done)
    worker.send_signal(signal.SIGKILL)
    worker.wait(10)
    assert jobs.status(number).state == "working"
    assert not jobs.worker_is_running()
    waiting = jobs.plan(EDITH, "facilities", hospitals(tmp_path / "small.csv", 3))

    start_worker()

    wait_for(lambda: jobs.status(waiting).state == "done")
    failed = jobs.status(number)
    assert failed.state == "failed"
    assert "The worker ended in the middle" in failed.message
    assert state(settings) == before
    statuses = [one.status for one in Imports(services).runs()]
    assert "planning" not in statuses
    if kind == "apply":
        assert Imports(services).run(run).status == "planned"


def test_what_was_made_live_just_before_the_worker_died_is_told_as_done(jobs, services, tmp_path):
    planning = jobs.plan(EDITH, "facilities", hospitals(tmp_path / "hospitals.csv", 3))
    work_off(jobs)
    run = jobs.status(planning).run
    applying = jobs.apply(EDITH, run)
    work_off(jobs)
    with services.database.transaction() as session:
        session.execute(update(Job).values(state="working", finished_at=None))

    jobs.recover()

    assert (jobs.status(applying).state, jobs.status(planning).state) == ("done", "failed")


def test_a_job_waits_while_another_import_is_at_work_and_is_done_afterwards(jobs, services, tmp_path):
    number = jobs.plan(EDITH, "facilities", hospitals(tmp_path / "hospitals.csv", 3))

    with services.database.alone():
        work_off(jobs)
    waits = jobs.status(number)
    assert waits.state == "waiting"
    assert "Another import is at work" in waits.message

    soon = datetime.now(UTC).replace(tzinfo=None) + timedelta(seconds=10)
    for task in jobs.queue.read_schedule(soon):
        jobs.queue.execute(task, soon)
    assert (jobs.status(number).state, jobs.status(number).message) == ("done", "")


def test_a_job_that_cannot_be_done_says_why_and_the_next_one_is_done(jobs, services, tmp_path):
    gone = hospitals(tmp_path / "gone.csv", 3)
    first = jobs.plan(EDITH, "facilities", gone)
    second = jobs.plan(EDITH, "facilities", hospitals(tmp_path / "hospitals.csv", 3))
    gone.unlink()

    work_off(jobs)

    assert (jobs.status(first).state, jobs.status(second).state) == ("failed", "done")
    assert "gone.csv is not there" in jobs.status(first).message


def test_a_plan_is_outdated_when_another_one_was_applied_before_it(jobs, tmp_path):
    for size in (3, 4):
        jobs.plan(EDITH, "facilities", hospitals(tmp_path / f"{size}.csv", size))
    first, second = [one.number for one in jobs.open()]
    work_off(jobs)
    assert not jobs.outdated(jobs.status(second).run)
    jobs.apply(EDITH, jobs.status(first).run)
    work_off(jobs)
    assert jobs.outdated(jobs.status(second).run)
    assert not jobs.outdated(jobs.status(first).run)

    applying = jobs.apply(EDITH, jobs.status(second).run)
    work_off(jobs)

    assert jobs.status(applying).state == "failed"
    assert "Plan again" in jobs.status(applying).message


def test_a_second_worker_waits_until_the_first_has_ended(jobs, start_worker, tmp_path):
    first = start_worker()
    wait_for(jobs.worker_is_running)
    second = start_worker()
    time.sleep(1)
    assert second.poll() is None

    first.terminate()
    assert first.wait(20) == 0
    number = jobs.plan(EDITH, "facilities", hospitals(tmp_path / "hospitals.csv", 3))

    wait_for(lambda: jobs.status(number).state == "done")


def test_a_worker_beside_a_server_ends_when_the_server_is_gone(jobs, start_worker):
    worker = start_worker("beside", stdin=subprocess.PIPE)
    wait_for(jobs.worker_is_running)

    worker.stdin.close()

    assert worker.wait(20) is not None
    assert not jobs.worker_is_running()


def test_what_is_left_of_an_upload_that_broke_off_is_cleared_away_after_a_day(jobs, services):
    inbox = Imports(services).inbox
    for name, age in ((".upload-old", 90_000), (".upload-new", 10), ("kept.csv", 90_000)):
        (inbox / name).touch()
        os.utime(inbox / name, (time.time() - age, time.time() - age))

    jobs.recover()

    assert sorted(one.name for one in inbox.iterdir()) == [".upload-new", "kept.csv"]
