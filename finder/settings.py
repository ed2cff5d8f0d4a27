"""Every setting of the program in one table, read from the environment."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from finder.errors import SettingsError

PROJECT = Path(__file__).resolve().parent.parent
_QUEUES = ("postgresql://", "postgresql+psycopg://", "redis://", "rediss://", "unix://")


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: its name in the environment is FINDER_ and the upper-case name."""

    name: str
    default: str
    read: Callable[[str], object]
    help: str

    @property
    def variable(self) -> str:
        """The name of the environment variable."""
        return f"FINDER_{self.name.upper()}"


@dataclass(frozen=True, slots=True)
class Settings:
    """The values of one running program."""

    instance: Path
    data: Path
    database_url: str
    workers: int
    rate_limit: str
    max_request_bytes: int
    trusted_proxies: int
    jobs_url: str
    max_upload_bytes: int
    import_rejected_percent: float
    import_gone_percent: float
    import_deactivated_percent: float
    geocoder: str
    geocoder_options: dict[str, object]
    tile_url: str
    tile_attribution: str

    def database(self) -> str:
        """Return the database's URL: the one that is set, or that of the embedded file in the instance folder."""
        return self.database_url or f"sqlite:///{self.instance / 'directory.sqlite'}"


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError("must be at least 1")
    return value


def _not_negative(text: str) -> int:
    value = int(text)
    if value < 0:
        raise ValueError("must be 0 or more")
    return value


def _queue_url(text: str) -> str:
    if text and not text.startswith(_QUEUES):
        raise ValueError(f"must begin with {', '.join(_QUEUES[:-1])} or {_QUEUES[-1]}")
    return text


def _percent(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 100:
        raise ValueError("must be from 0 to 100")
    return value


def _options(text: str) -> dict[str, object]:
    value = json.loads(text)
    if not isinstance(value, dict):
        raise ValueError("must be a JSON object")
    return value


def _folder(text: str) -> Path:
    return Path(text).expanduser().resolve()


SETTINGS: tuple[Setting, ...] = (
    Setting("instance", str(PROJECT / "instance"), _folder, "Folder of the embedded database and derived files."),
    Setting("data", str(PROJECT / "data"), _folder, "Folder of the facts that the program ships."),
    Setting("database_url", "", str, "SQLAlchemy URL of a PostgreSQL database; empty means the embedded SQLite file."),
    Setting("workers", "2", _positive, "Number of web server processes."),
    Setting(
        "rate_limit",
        "120 per minute",
        str,
        "Requests that one address may make to searches and look-ups; empty means no limit.",
    ),
    Setting("max_request_bytes", "65536", _positive, "Largest request body that is read, in bytes."),
    Setting("trusted_proxies", "0", _not_negative, "Number of proxies in front whose X-Forwarded-For is believed."),
    Setting(
        "jobs_url",
        "",
        _queue_url,
        "URL of a PostgreSQL database or a Redis server for the worker's queue; empty means a file of its own.",
    ),
    Setting("max_upload_bytes", "2147483648", _positive, "Largest file that can be uploaded for an import, in bytes."),
    Setting("import_rejected_percent", "1", _percent, "An import stops when more of its rows cannot be used."),
    Setting("import_gone_percent", "5", _percent, "An import stops when more of a list's entries would be gone."),
    Setting("import_deactivated_percent", "2", _percent, "An import stops when it would deactivate more entries."),
    Setting(
        "geocoder", "", str, "Online geocoder for street addresses: nominatim, photon, pelias, census; empty: none."
    ),
    Setting("geocoder_options", "{}", _options, "Options of the online geocoder, as a JSON object."),
    Setting("tile_url", "", str, "Address of map tiles; empty means the built-in outlines, which ask no other server."),
    Setting("tile_attribution", "", str, "Attribution that the tiles ask for."),
)


def load(environ: Mapping[str, str]) -> Settings:
    """Return the settings of an environment; raises SettingsError that names every value that cannot be used."""
    values: dict[str, object] = {}
    mistakes = []
    for setting in SETTINGS:
        try:
            values[setting.name] = setting.read(environ.get(setting.variable, setting.default))
        except ValueError as error:
            mistakes.append(f"{setting.variable}: {error}")
    if mistakes:
        raise SettingsError("Change these settings: " + "; ".join(mistakes))
    return Settings(**values)  # type: ignore[arg-type]  # SETTINGS gives each field its type
