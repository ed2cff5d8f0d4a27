from pathlib import Path

import pytest

from finder.geocoding import Index, build_index

DATA = Path(__file__).parents[2] / "data" / "gazetteer"


@pytest.fixture(scope="session")
def data_dir():
    return DATA


@pytest.fixture(scope="session")
def index_file(tmp_path_factory, data_dir):
    target = tmp_path_factory.mktemp("gazetteer") / "index.sqlite"
    build_index(data_dir, target)
    return target


@pytest.fixture(scope="session")
def index(index_file):
    opened = Index(index_file)
    yield opened
    opened.close()
