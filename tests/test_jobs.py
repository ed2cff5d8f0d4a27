"""The worker and its jobs: real files, real processes, and workers that are killed."""

import importlib
import multiprocessing
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from sqlalchemy import func, select, update

from finder.accounts import Account, Role, events
from finder.db import RecordChange
from finder.db.models import Job
from finder.errors import NotFound, SettingsError, SourceError
from finder.imports import Imports
from finder.jobs import Jobs
from finder.services import Services, setup
from finder.settings import load
from tests.test_imports import ROOMY, copy_database, hospitals, link_index, postgres_database, small_disk, state, used

EDITH = Account("edith", Role.EDITOR)
WORKER = """
import os, signal, sys
from finder import jobs
from finder.services import Services
from finder.settings import load
if "beside" in sys.argv:
    jobs.end_with_parent()
services = Services.build(load(os.environ))
worker = jobs.Jobs(services, services.settings.jobs_url)
if "halt" in sys.argv:
    jobs._TELL_EVERY, put = 0, worker.queue.put
    def tell(key, value):
        put(key, value)
        if key.startswith("progress") and value[0]:
            worker.queue.put = put
            os.kill(os.getpid(), signal.SIGSTOP)
    worker.queue.put = tell
worker.work()
"""
"""A worker; with "halt" it stands still as soon as it has told that something is done, however fast the machine is."""


KINDS = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres), "redis"]
everywhere = pytest.mark.parametrize("settings", KINDS, indirect=True)
"""Run a test with the directory and its queue in files, with both in PostgreSQL, and with the queue in Redis."""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """An instance that holds the shipped lists, to be copied."""
    settings = load({"FINDER_INSTANCE": str(tmp_path_factory.mktemp("prepared"))})
    setup(settings, lambda line: None)
    return settings


@pytest.fixture
def settings(request, prepared, tmp_path):
    kind = getattr(request, "param", "sqlite")
    environment = {"FINDER_INSTANCE": str(tmp_path / "instance")}
    (tmp_path / "instance").mkdir()
    link_index(prepared.instance, tmp_path / "instance")
    with ExitStack() as stack:
        if kind == "postgres":
            url = stack.enter_context(postgres_database())
            environment |= {"FINDER_DATABASE_URL": url, "FINDER_JOBS_URL": url}
            setup(load(environment), lambda line: None)
        else:
            copy_database(prepared.instance, tmp_path / "instance")
        if kind == "redis":
            environment["FINDER_JOBS_URL"] = stack.enter_context(redis_server(tmp_path))
        yield load(environment)


@contextmanager
def redis_server(folder):
    """The address of a Redis server that ends with the test."""
    program = shutil.which("redis-server")
    if not program:
        pytest.skip("there is no redis-server on this machine")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [program, "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", str(folder)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        wait_for(lambda: answers(port))
        yield f"redis://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(10)


def answers(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


@pytest.fixture
def services(settings):
    services = Services.build(settings)
    yield services
    services.database.dispose()


@pytest.fixture
def jobs(services):
    jobs = Jobs(services, services.settings.jobs_url)
    yield jobs
    jobs.queue.storage.close()


@pytest.fixture
def start_worker(settings):
    """Start a real worker; whatever is still there at the end is killed."""
    workers = []

    def start(where=settings, arguments=(), **options):
        command = [sys.executable, "-c", WORKER, *arguments]
        workers.append(subprocess.Popen(command, env=environment_of(where), **options))
        return workers[-1]

    yield start
    for worker in workers:
        worker.kill()
        worker.wait(10)
        if worker.stdin:
            worker.stdin.close()


def environment_of(settings):
    return os.environ | {
        "FINDER_INSTANCE": str(settings.instance),
        "FINDER_DATABASE_URL": settings.database_url,
        "FINDER_JOBS_URL": settings.jobs_url,
    }


def halted(worker):
    """Wait until a worker that was told to halt stands still in the middle of its job."""
    assert os.waitid(os.P_PID, worker.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT).si_code == os.CLD_STOPPED
    return worker


def work_off(jobs):
    """Do in this process what a worker would do now."""
    while jobs.queue.pending_count():
        jobs.queue.execute(jobs.queue.dequeue())


def each_minute(jobs):
    """Do in this process what a worker does about every minute."""
    for task in jobs.queue.read_periodic(datetime.now(UTC)):
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


@everywhere
def test_a_plan_is_made_applied_and_undone_by_jobs(jobs, services, tmp_path):
    imports, path = Imports(services), hospitals(tmp_path / "hospitals.csv", 450)

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


@everywhere
def test_a_job_that_waits_is_cancelled_at_once_and_never_begun(jobs, services, tmp_path):
    runs = len(Imports(services).runs())
    number = jobs.plan(EDITH, "facilities", hospitals(tmp_path / "hospitals.csv", 3))

    jobs.cancel(EDITH, number)
    work_off(jobs)

    assert (jobs.status(number).state, len(Imports(services).runs())) == ("cancelled", runs)
    assert audited(services)[-1] == ("edith", "import-cancel", f"job {number}", "")


@everywhere
def test_a_plan_that_is_cancelled_at_work_changes_nothing(jobs, services, settings, start_worker, tmp_path):
    before, changes = state(settings), kept_changes(services)
    number = jobs.plan(EDITH, "facilities", hospitals(tmp_path / "hospitals.csv", 9_000, first=100))
    worker = halted(start_worker(arguments=["halt"]))

    told = jobs.status(number)
    assert told.state == "working"
    assert 0 < told.share < 1
    assert told.remaining > 0
    jobs.cancel(EDITH, number)
    worker.send_signal(signal.SIGCONT)

    ended = wait_for(lambda: (now := jobs.status(number)).state != "working" and now)
    assert (ended.state, ended.message, ended.run) == ("cancelled", "Nothing was changed.", None)
    assert ended.rows < 9_000
    assert (state(settings), kept_changes(services)) == (before, changes)
    assert Imports(services).runs()[0].status == "discarded"


@everywhere
@pytest.mark.parametrize("kind", ["plan", "apply"])
def test_a_job_whose_worker_is_killed_has_failed_and_the_next_worker_goes_on(
    jobs, services, settings, start_worker, tmp_path, kind
):
    before, path = state(settings), hospitals(tmp_path / "hospitals.csv", 3_000, first=100)
    number = jobs.plan(EDITH, "facilities", path)
    if kind == "apply":
        work_off(jobs)
        run = jobs.status(number).run
        number = jobs.apply(EDITH, run)
    worker = halted(start_worker(arguments=["halt"]))
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


@everywhere
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


@everywhere
def test_a_job_whose_number_the_queue_has_lost_is_put_in_again_once(jobs, services, tmp_path):
    runs = len(Imports(services).runs())
    lost = jobs.plan(EDITH, "facilities", hospitals(tmp_path / "lost.csv", 3))
    jobs.queue.flush()
    waits = jobs.plan(EDITH, "facilities", hospitals(tmp_path / "waits.csv", 4))
    with services.database.alone():
        work_off(jobs)  # So it is not to be tried again before some seconds have passed.
    held = jobs.plan(EDITH, "facilities", hospitals(tmp_path / "held.csv", 5))

    each_minute(jobs)
    each_minute(jobs)

    assert jobs.queue.pending_count() + jobs.queue.scheduled_count() == 3
    work_off(jobs)
    assert [jobs.status(one).state for one in (lost, waits, held)] == ["done", "waiting", "done"]
    assert len(Imports(services).runs()) == runs + 2


@everywhere
def test_two_workers_do_a_job_once(jobs, services, settings, tmp_path):
    """Put a number into the queue twice and let two processes take one each at the same moment."""
    runs = len(Imports(services).runs())
    number = jobs.plan(EDITH, "facilities", hospitals(tmp_path / "hospitals.csv", 300))
    jobs._enqueue(number)
    both = multiprocessing.get_context("fork")
    barrier = both.Barrier(2)
    workers = [both.Process(target=take_one, args=(settings, barrier)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)

    assert [worker.exitcode for worker in workers] == [0, 0]
    assert jobs.queue.pending_count() == jobs.queue.scheduled_count() == 0
    assert (jobs.status(number).state, len(Imports(services).runs())) == ("done", runs + 1)


def take_one(settings, barrier):
    jobs = Jobs(Services.build(settings), settings.jobs_url)
    _ = jobs.queue
    barrier.wait(30)
    jobs.queue.execute(jobs.queue.dequeue())


@everywhere
def test_processes_that_open_the_queue_at_the_same_moment_do_not_disturb_each_other(settings):
    many = multiprocessing.get_context("fork")
    barrier = many.Barrier(4)
    openers = [many.Process(target=open_queue, args=(settings, barrier)) for _ in range(4)]
    for opener in openers:
        opener.start()
    for opener in openers:
        opener.join(60)

    assert [opener.exitcode for opener in openers] == [0] * 4


def open_queue(settings, barrier):
    jobs = Jobs(Services.build(settings), settings.jobs_url)
    importlib.import_module("huey")  # which takes longer than what is to happen at the same moment
    barrier.wait(30)
    jobs.queue.put("opened", True)


def test_a_job_that_a_full_disk_stopped_says_why_and_is_done_when_there_is_room(prepared, start_worker, tmp_path):
    with small_disk(prepared, tmp_path / "disk") as (on_disk, remount):
        services = Services.build(on_disk)
        jobs, before = Jobs(services), state(on_disk)
        number = jobs.plan(EDITH, "facilities", hospitals(tmp_path / "hospitals.csv", 2_000))
        remount(f"size={used(on_disk.instance) + 500_000}")
        worker = start_worker(on_disk)
        stopped = wait_for(lambda: not (now := jobs.status(number)).is_open and now)
        assert stopped.state == "failed"
        assert re.fullmatch(
            "The directory cannot be written: .* full. Nothing was changed. See that .*", stopped.message
        )

        remount(f"size={ROOMY}")
        assert state(on_disk) == before
        again = jobs.plan(EDITH, "facilities", tmp_path / "hospitals.csv")
        done = wait_for(lambda: not (now := jobs.status(again)).is_open and now)
        assert (done.state, Imports(services).run(done.run).counts["new"]) == ("done", 2_000)

        worker.terminate()
        worker.wait(20)
        jobs.queue.storage.close()
        services.database.dispose()


def test_a_worker_on_a_full_disk_waits_and_begins_when_there_is_room(prepared, start_worker, tmp_path):
    with small_disk(prepared, tmp_path / "disk") as (on_disk, remount):
        services = Services.build(on_disk)
        jobs = Jobs(services)
        number = jobs.plan(EDITH, "facilities", hospitals(tmp_path / "hospitals.csv", 30))
        remount(f"size={used(on_disk.instance)}")
        worker = start_worker(on_disk, stderr=subprocess.PIPE, text=True)
        said = worker.stderr.readline()
        assert "The directory cannot be written: the disk is full." in said
        assert jobs.status(number).state == "waiting"

        remount(f"size={ROOMY}")

        wait_for(lambda: jobs.status(number).state == "done")
        worker.terminate()
        worker.communicate(timeout=20)
        jobs.queue.storage.close()
        services.database.dispose()


@pytest.mark.parametrize("url", ["mysql://localhost/finder", "sqlite:///jobs.sqlite", "localhost:6379"])
def test_a_queue_that_there_is_not_is_refused_with_the_kinds_that_there_are(url):
    with pytest.raises(SettingsError, match=r"FINDER_JOBS_URL: must begin with postgresql://, .* or unix://"):
        load({"FINDER_JOBS_URL": url})


@pytest.mark.postgres
@pytest.mark.parametrize("settings", ["postgres"], indirect=True)
def test_a_queue_goes_on_after_its_server_has_ended_the_connections(jobs, settings, tmp_path):
    first = jobs.plan(EDITH, "facilities", hospitals(tmp_path / "first.csv", 3))
    with closing(psycopg.connect(settings.jobs_url.replace("+psycopg", ""), autocommit=True)) as server:
        ended = server.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid()"
        ).fetchall()
    assert len(ended) >= 2

    second = jobs.plan(EDITH, "facilities", hospitals(tmp_path / "second.csv", 4))
    work_off(jobs)

    assert (jobs.status(first).state, jobs.status(second).state) == ("done", "done")


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
    first, begun = start_worker(), jobs.plan(EDITH, "facilities", hospitals(tmp_path / "begun.csv", 3))
    wait_for(lambda: jobs.status(begun).state == "done")
    second = start_worker()
    time.sleep(1)
    assert second.poll() is None

    first.terminate()
    assert first.wait(20) == 0
    number = jobs.plan(EDITH, "facilities", hospitals(tmp_path / "hospitals.csv", 3))

    wait_for(lambda: jobs.status(number).state == "done")


def test_a_worker_beside_a_server_ends_when_the_server_is_gone(jobs, start_worker):
    worker = start_worker(arguments=["beside"], stdin=subprocess.PIPE)
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
