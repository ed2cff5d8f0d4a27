"""Connections to one database, its transactions, and its migrations."""

import fcntl
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import (
    CompoundSelect,
    Connection,
    Engine,
    Executable,
    Select,
    create_engine,
    delete,
    event,
    insert,
    inspect,
    make_url,
    select,
    text,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql import ClauseElement

from finder.db.models import AddressLookup, Meta
from finder.errors import ImportBusy, SettingsError

_MIGRATIONS = Path(__file__).parent / "migrations"
_IMPORT_LOCK = 4_114_247  # any number that no other program on the same server is likely to lock


class Database:
    """One directory database. Opening it touches nothing; the first use connects."""

    def __init__(self, url: str) -> None:
        try:
            parsed = make_url(url)
        except Exception as error:
            raise SettingsError("FINDER_DATABASE_URL is not a database URL; see docs/settings.md.") from error
        if parsed.get_backend_name() not in ("sqlite", "postgresql"):
            raise SettingsError("FINDER_DATABASE_URL must begin with sqlite:/// or postgresql+psycopg://.")
        self.embedded = parsed.get_backend_name() == "sqlite"
        self.path = Path(parsed.database) if self.embedded and parsed.database else None
        self._engine = _embedded_engine(url) if self.embedded else create_engine(url, pool_pre_ping=True)
        # Reads need no transaction of their own: one statement sees one state, and BEGIN costs a round trip.
        self._reader = self._engine.execution_options(isolation_level="AUTOCOMMIT")

    @property
    def engine(self) -> Engine:
        """The engine, for migrations and tests."""
        return self._engine

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection for reading; each statement sees what was committed when it began."""
        with self._reader.connect() as connection:
            yield connection

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Give a session whose work is committed at the end, or rolled back when an exception leaves."""
        with Session(self._engine) as session, session.begin():
            yield session

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the lock that lets one import at a time work on this database; ImportBusy where another holds it.

        The lock ends with the process that holds it, however that ends.
        """
        with self._locked_file() if self.path else self._advisory_lock():
            yield

    @contextmanager
    def _locked_file(self) -> Iterator[None]:
        assert self.path is not None  # noqa: S101 - the caller has looked; this tells the type checker
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.with_suffix(".import-lock").open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                file.seek(0)
                raise ImportBusy(f"Another import is at work ({file.read().strip() or 'just begun'}).") from error
            file.truncate(0)
            file.write(f"process {os.getpid()}, since {datetime.now(UTC):%Y-%m-%d %H:%M} UTC")
            file.flush()
            yield

    @contextmanager
    def _advisory_lock(self) -> Iterator[None]:
        with self._reader.connect() as connection:
            if not connection.exec_driver_sql(f"SELECT pg_try_advisory_lock({_IMPORT_LOCK})").scalar():
                raise ImportBusy("Another import is at work on this database.")
            try:
                yield
            finally:
                connection.exec_driver_sql(f"SELECT pg_advisory_unlock({_IMPORT_LOCK})")

    def dispose(self) -> None:
        """Close every connection; a forked process must call this before its first use."""
        self._engine.dispose()

    def migrate(self, revision: str = "head") -> None:
        """Bring the schema to a revision, up or down ("base" is empty)."""
        if self.path:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        # Imported here: Alembic costs a fifth of a second, and most starts have nothing to migrate.
        from alembic import command, config  # noqa: PLC0415

        current = self.revision()
        with self._engine.connect() as connection:
            settings = config.Config()
            settings.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
            settings.attributes["connection"] = connection
            if revision == "base" or (current is not None and revision != "head" and revision < current):
                command.downgrade(settings, revision)
            else:
                command.upgrade(settings, revision)
            connection.commit()

    def analyze(self) -> None:
        """Let the database count what its tables hold now, so that it plans well; for after large changes."""
        with self._reader.connect() as connection:
            connection.exec_driver_sql("ANALYZE")

    def revision(self) -> str | None:
        """Return the schema's revision, or None where there is no schema yet."""
        if self.path and not self.path.exists():
            return None
        with self.reading() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return None
            found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
            return found

    @staticmethod
    def head() -> str:
        """Return the newest revision that this program knows."""
        return max(path.name.partition("_")[0] for path in (_MIGRATIONS / "versions").glob("[0-9]*.py"))

    def meta(self, key: str) -> str | None:
        """Return a single value about this database."""
        with self.reading() as connection:
            return connection.scalar(select(Meta.value).where(Meta.key == key))

    def get(self, key: str) -> str | None:
        """Return a kept answer of the online geocoder."""
        with self.reading() as connection:
            return connection.scalar(select(AddressLookup.answer).where(AddressLookup.key == key))

    def put(self, key: str, value: str) -> None:
        """Keep an answer of the online geocoder in place of an older one."""
        with self.transaction() as session:
            session.execute(delete(AddressLookup).where(AddressLookup.key == key))
            session.execute(insert(AddressLookup).values(key=key, answer=value, created_at=datetime.now(UTC)))


def server_address(url: str) -> str:
    """Return the address of a PostgreSQL database as its own programs write it, "" for an address of another kind."""
    if not url.startswith("postgresql"):
        return ""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


class Prepared:
    """A SELECT whose SQL text is made once for each kind of database and then only bound.

    It costs a third of what a compiled statement's execution costs, which is most of the time of an index search.
    """

    def __init__(self, statement: Select[Any] | CompoundSelect[Any]) -> None:
        self.statement = statement
        self._made: dict[str, tuple[str, list[str] | None, dict[str, Any]]] = {}

    def rows(self, connection: Connection, values: Mapping[str, Any]) -> Sequence[Any]:
        """Return the rows for these values, of which there may be more than the statement has names."""
        made = self._made.get(connection.dialect.name)
        if made is None:
            compiled = self.statement.compile(dialect=connection.dialect)
            made = (compiled.string, compiled.positiontup, compiled.params)
            self._made[connection.dialect.name] = made
        text, places, names = made
        bound = {**names, **values}
        if places is not None:
            return connection.exec_driver_sql(text, tuple([bound[one] for one in places])).all()
        return connection.exec_driver_sql(text, {one: bound[one] for one in names}).all()


class Explain(Executable, ClauseElement):
    """A statement that asks the database for its plan of another one."""

    inherit_cache = False

    def __init__(self, statement: Select[Any] | CompoundSelect[Any]) -> None:
        self.statement = statement


@compiles(Explain, "sqlite")
def _explain_embedded(element: Explain, compiler: Any, **options: Any) -> str:
    return f"EXPLAIN QUERY PLAN {compiler.process(element.statement, **options)}"


@compiles(Explain, "postgresql")
def _explain(element: Explain, compiler: Any, **options: Any) -> str:
    return f"EXPLAIN {compiler.process(element.statement, **options)}"


def _embedded_engine(url: str) -> Engine:
    engine = create_engine(url)

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "busy_timeout=5000"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    return engine
