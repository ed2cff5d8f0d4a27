"""What every test may use: two real databases, a real server, and no way out of this machine."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid

import pytest
import sqlalchemy as sa

from finder.services import setup
from finder.settings import load
from finder.web import create_app

WITHOUT = os.environ.get("TEST_WITHOUT", "").split()


def pytest_collection_modifyitems(items):
    """Skip only what was asked to be left out; anything else that is missing must fail."""
    for item in items:
        for group in ("postgres", "browser", "html", "fhir"):
            if group in WITHOUT and group in item.keywords:
                item.add_marker(pytest.mark.skip(reason=f"--without {group}"))


@pytest.fixture(autouse=True)
def network_guard(monkeypatch):
    """Fail a test that tries to leave this machine."""
    connect, look_up = socket.socket.connect, socket.getaddrinfo

    def is_local(host):
        return host in ("localhost", "::1", "0.0.0.0", None, "") or str(host).startswith("127.")

    def guarded_connect(self, address):
        if self.family in (socket.AF_INET, socket.AF_INET6) and not is_local(address[0]):
            raise AssertionError("a test tried to reach another machine")
        return connect(self, address)

    def guarded_look_up(host, *args, **kwargs):
        name = host.decode() if isinstance(host, bytes) else host
        if not is_local(name):
            raise AssertionError("a test tried to look up another machine")
        return look_up(host, *args, **kwargs)

    monkeypatch.setattr(socket.socket, "connect", guarded_connect)
    monkeypatch.setattr(socket, "getaddrinfo", guarded_look_up)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request, tmp_path):
    """The address of an empty database, first the embedded kind, then PostgreSQL."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'directory.sqlite'}"
        return
    server = os.environ.get("TEST_POSTGRES_URL")
    if not server:
        pytest.fail("TEST_POSTGRES_URL is not set; scripts/test starts a server, or say --without postgres")
    name = f"test_{uuid.uuid4().hex}"
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    yield sa.make_url(server).set(database=name).render_as_string(hide_password=False)
    with engine.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    engine.dispose()


@pytest.fixture(scope="session")
def settings(tmp_path_factory):
    """The shipped directory, set up once for all tests of the web."""
    settings = load({"FINDER_INSTANCE": str(tmp_path_factory.mktemp("instance")), "FINDER_RATE_LIMIT": ""})
    setup(settings, lambda line: None)
    return settings


@pytest.fixture(scope="session")
def app(settings):
    """The real application over it."""
    app = create_app(settings)
    yield app
    app.extensions["finder"].database.dispose()


@pytest.fixture
def client(app):
    return app.test_client()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_ready(url, process, seconds=180):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError(f"the server ended with exit code {process.returncode}")
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=2):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    raise AssertionError("the server did not become ready")


@pytest.fixture(scope="session")
def live_server(tmp_path_factory):
    """The address of a real server over the shipped directory."""
    port = free_port()
    instance = tmp_path_factory.mktemp("live")
    environment = os.environ | {"FINDER_INSTANCE": str(instance), "FINDER_RATE_LIMIT": ""}
    environment.pop("FINDER_DATABASE_URL", None)
    with (instance / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "finder", "serve", "--port", str(port)], env=environment, stdout=log, stderr=log
        )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until_ready(url, process)
        yield url
    finally:
        process.terminate()
        process.wait(20)
