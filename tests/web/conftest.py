"""The real application over the shipped directory, set up once for all tests of the web."""

import pytest

from finder.services import setup
from finder.settings import load
from finder.web import create_app


@pytest.fixture(scope="session")
def settings(tmp_path_factory):
    settings = load({"FINDER_INSTANCE": str(tmp_path_factory.mktemp("instance")), "FINDER_RATE_LIMIT": ""})
    setup(settings, lambda line: None)
    return settings


@pytest.fixture(scope="session")
def app(settings):
    app = create_app(settings)
    yield app
    app.extensions["finder"].database.dispose()


@pytest.fixture
def client(app):
    return app.test_client()
