import pytest
from sqlalchemy import inspect

from finder.db import Database
from finder.db.models import Base
from finder.errors import SettingsError


@pytest.fixture
def database(database_url):
    database = Database(database_url)
    yield database
    database.dispose()


def tables(database):
    return set(inspect(database.engine).get_table_names()) - {"alembic_version"}


def test_migrations_go_up_down_and_up_again(database):
    database.migrate()
    assert tables(database) == set(Base.metadata.tables)

    database.migrate("base")
    assert tables(database) == set()

    database.migrate()
    assert database.revision() == Database.head()


def test_the_migrated_tables_are_those_of_the_models(database):
    database.migrate()
    inspector = inspect(database.engine)

    for table in Base.metadata.sorted_tables:
        columns = {column["name"]: column["nullable"] for column in inspector.get_columns(table.name)}
        assert columns == {column.name: column.nullable for column in table.columns}
        indexes = {index["name"]: index["column_names"] for index in inspector.get_indexes(table.name)}
        for index in table.indexes:
            assert indexes[index.name] == [column.name for column in index.columns]


def test_migrating_twice_changes_nothing(database):
    database.migrate()
    database.migrate()

    assert database.revision() == Database.head()


def test_a_kept_address_answer_is_given_back_and_replaced(database):
    database.migrate()
    database.put("hash", "[1]")
    database.put("hash", "[2]")

    assert database.get("hash") == "[2]"
    assert database.get("other") is None


@pytest.mark.parametrize("url", ["nonsense", "mysql://here/x", "http://example.org"])
def test_a_url_of_another_kind_is_refused_with_the_mend(url):
    with pytest.raises(SettingsError, match="FINDER_DATABASE_URL"):
        Database(url)


def test_the_embedded_file_is_read_while_it_is_written(tmp_path):
    database = Database(f"sqlite:///{tmp_path / 'directory.sqlite'}")
    database.migrate()

    with database.transaction() as session, database.reading() as connection:
        session.execute(Base.metadata.tables["meta"].insert().values(key="a", value="b"))
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("SELECT count(*) FROM meta").scalar() == 0
    database.dispose()
