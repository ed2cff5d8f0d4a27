"""Where the parts meet: built once per process from the settings, passed to whoever needs them."""

import csv
import fcntl
import hashlib
import pickle
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import delete, insert, select

from finder import search
from finder.curation import Locate, rebuild
from finder.db import Database, ListingRow, Meta, SourceRecord
from finder.domain.listing import Address, Layer, Listing
from finder.domain.place import Located, LocateStatus, Place, Precision
from finder.domain.query import SearchQuery
from finder.domain.terminology import Terminology
from finder.geocoding import Index, Locator, build_index, online_geocoder, suggest
from finder.guidance import Guidance
from finder.ingest import counts_of, problems, run_import
from finder.language import LANGUAGES, _
from finder.search import SearchPage
from finder.settings import PROJECT, Settings
from finder.sources import SOURCES

Say = Callable[[str], None]
SHIPPED = ("centers", "specialists")
_SAMPLE_CHECK_SECONDS = 60.0


@dataclass(slots=True)
class Services:
    """The parts of a running program."""

    settings: Settings
    database: Database
    terminology: Terminology
    guidance: Mapping[str, Guidance]
    index: Index
    locator: Locator
    _sample: tuple[float, int | None] = field(default=(0.0, None))

    @classmethod
    def build(cls, settings: Settings) -> "Services":
        """Put the parts together; ``setup`` must have run before."""
        database = Database(settings.database())
        index = Index(index_path(settings))
        online = online_geocoder(settings.geocoder, settings.geocoder_options) if settings.geocoder else None
        return cls(
            settings,
            database,
            load_terminology(settings.data),
            load_guidance(settings),
            index,
            Locator(index, online=online, cache=database),
        )

    def place_of(self, address: Address) -> Place | None:
        """Return the middle of an address's ZIP or city, for entries that come without a position."""
        return _address_finder(self.locator)(address)

    def locate(self, query: SearchQuery) -> Located:
        """Return where a query asks to search."""
        if query.point is None:
            return self.locator.locate(query.near)
        label = _("your position, %(place)s", place=self.locator.name_of(query.point))
        return Located(LocateStatus.POINT, Place(label, query.point, Precision.EXACT))

    def find(self, query: SearchQuery, place: Place) -> SearchPage:
        """Return one page of the listings that fit."""
        return search.find(self.database, self.terminology, query, place)

    def listing(self, layer: Layer, slug: str) -> Listing | None:
        """Return the listing with this page name."""
        return search.get(self.database, layer, slug)

    def suggest(self, text: str) -> list[Place]:
        """Return completions of what somebody types."""
        return suggest(self.index, text)

    def state_name(self, code: str) -> str:
        """Return the name of a state or territory by its postal code."""
        return self.index.state(code).label if code else _("State not known")

    def sample_size(self) -> int | None:
        """Return how many specialists there are while they are only the shipped sample, else None."""
        checked, size = self._sample
        if time.monotonic() - checked > _SAMPLE_CHECK_SECONDS or not checked:
            with self.database.reading() as connection:
                behind = select(SourceRecord.source).join(
                    ListingRow, ListingRow.practitioner_role_id == SourceRecord.resource_id
                )
                live = behind.where(SourceRecord.ending == "", SourceRecord.lists)
                sources = set(connection.scalars(live.distinct()))
            # A table of one's own beside the sample makes no directory of the country.
            size = search.size(self.database, Layer.SPECIALISTS) if sources <= {"specialists", "table"} else None
            self._sample = (time.monotonic(), size)
        return size


def load_terminology(data: Path) -> Terminology:
    """Read the words for specialties and designations."""
    rows = []
    for name in ("specialties", "designations"):
        with (data / "terminology" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            rows.append(list(csv.DictReader(file)))
    return Terminology.from_rows(*rows)


def load_guidance(settings: Settings) -> dict[str, Guidance]:
    """Read the guidance of every language, as ``setup`` left it behind, or else from its files, which takes longer."""
    try:
        kept: dict[str, Guidance] = pickle.loads(_guidance_path(settings).read_bytes())  # noqa: S301 - we wrote it
    except (OSError, pickle.UnpicklingError, EOFError):
        return {code: Guidance.load(settings.data, code) for code in LANGUAGES}
    return kept


def _guidance_path(settings: Settings) -> Path:
    """Return where the guidance lies that was made of the present texts by the present program."""
    texts = settings.data / "guidance"
    folders = [texts, *sorted(path for path in texts.rglob("*") if path.is_dir())]
    lists = [settings.data / name for name in ("facts.yml", "helplines.yml")]
    fingerprint = _fingerprint([*lists, *folders, PROJECT / "finder" / "guidance", PROJECT / "requirements.txt"])
    return settings.instance / f"guidance-{fingerprint[:16]}.pickle"


def index_path(settings: Settings) -> Path:
    """Return where the gazetteer's index for the present data files and builder lies."""
    builders = [PROJECT / "finder" / "geocoding" / name for name in ("index.py", "names.py")]
    fingerprint = _fingerprint([settings.data / "gazetteer", *builders])
    return settings.instance / f"gazetteer-{fingerprint[:16]}.sqlite"


def setup(settings: Settings, say: Say) -> None:
    """Make and fill whatever is missing or older than the shipped data; a second call changes nothing.

    ``say`` is told each step before it begins.
    """
    settings.instance.mkdir(parents=True, exist_ok=True)
    with _alone(settings.instance / "setup.lock"):
        _prepare_index(settings, say)
        _prepare_guidance(settings)
        database = Database(settings.database())
        if database.revision() != Database.head():
            say("Making the database tables …")
            database.migrate()
        _fill(settings, database, say)
        database.dispose()


def refill(settings: Settings, say: Say) -> int:
    """Make every curated row and listing again from the source records; return how many entries there are."""
    setup(settings, say)
    database, index = Database(settings.database()), Index(index_path(settings))
    with database.transaction() as session:
        return rebuild(session, _address_finder(Locator(index)), load_terminology(settings.data))


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Let only one process at a time make the instance."""
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _prepare_index(settings: Settings, say: Say) -> None:
    path = index_path(settings)
    if path.exists():
        return
    say("Preparing the index of place names …")
    build_index(settings.data / "gazetteer", path)
    for old in settings.instance.glob("gazetteer-*.sqlite"):
        if old != path:
            old.unlink()


def _prepare_guidance(settings: Settings) -> None:
    path = _guidance_path(settings)
    if path.exists():
        return
    unfinished = path.with_suffix(".part")
    unfinished.write_bytes(pickle.dumps(load_guidance(settings)))
    unfinished.replace(path)
    for old in settings.instance.glob("guidance-*.pickle"):
        if old != path:
            old.unlink()


def _fill(settings: Settings, database: Database, say: Say) -> None:
    # The rules count too: a changed rule must reach every listing.
    rules = PROJECT / "finder"
    shipped = _fingerprint(
        [
            *(settings.data / name for name in (*SHIPPED, "terminology", "gazetteer")),
            rules / "domain",
            rules / "sources",
            rules / "ingest",
            rules / "curation.py",
            rules / "linking.py",
        ]
    )
    if database.meta("shipped") == shipped:
        return
    terminology = load_terminology(settings.data)
    locate = _address_finder(Locator(Index(index_path(settings))))
    unchanged = sum(_load_shipped(name, settings, database, locate, terminology, say) for name in SHIPPED)
    with database.transaction() as session:
        if unchanged:
            rebuild(session, locate, terminology)  # What did not change in the lists may follow from changed rules.
        session.execute(delete(Meta).where(Meta.key == "shipped"))
        session.execute(insert(Meta).values(key="shipped", value=shipped))
    database.analyze()


def _load_shipped(
    name: str, settings: Settings, database: Database, locate: Locate, terminology: Terminology, say: Say
) -> int:
    """Load one shipped list and return how many of its entries were there before and stayed as they were."""
    source, folder = SOURCES[name], settings.data / name
    say(f"Loading {source.title} …")
    entries = source.read(folder, lambda _bytes: None)
    run = run_import(database, name, source.identify(folder), entries, locate, terminology)
    with database.transaction() as session:
        for problem in problems(session, run.id):
            say(f"  left out: line {problem.line}, {problem.column}: {problem.reason}")
    return int(counts_of(run)["counts"]["unchanged"])


def _address_finder(locator: Locator) -> Callable[[Address], Place | None]:
    def locate(address: Address) -> Place | None:
        return locator.postal_code(address.postal_code) or locator.city(address.city, address.state)

    return locate


def _fingerprint(paths: list[Path]) -> str:
    """Return a hash over the files at these paths, names and contents, in order."""
    digest = hashlib.sha256()
    for path in paths:
        for file in sorted(path.glob("*.*")) if path.is_dir() else [path]:
            content = file.read_bytes()
            digest.update(f"{file.name}:{len(content)}:".encode() + content)
    return digest.hexdigest()
