"""Lists of entries that are kept as YAML files in the data folder; every mistake names the file and the mend."""

from pathlib import Path
from typing import Any

import yaml

from finder.domain.dates import is_iso
from finder.errors import SourceError

Row = dict[str, Any]
# The same reader in C, which takes a twentieth of the time where it is there.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def parse(text: str) -> Any:
    """Return what a YAML text holds; yaml.YAMLError when it cannot be read."""
    return yaml.load(text, _LOADER)  # noqa: S506 - a safe one


def entries(path: Path) -> list[Row]:
    """Return the entries of a list in order; SourceError when it cannot be read or is no list of entries."""
    try:
        found = parse(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise SourceError(f"{path.name} cannot be read; mend its YAML: {error}") from error
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise SourceError(f"{path.name} must be a list of entries with names and values.")
    return found


def value(row: Row, name: str) -> str:
    """Return a value of an entry as text, "" where there is none."""
    found = row.get(name)
    return "" if found is None else str(found)


def check_date(found: str, where: str) -> None:
    """Raise SourceError unless this is an ISO year, month or day, or empty."""
    if found and not is_iso(found):
        raise SourceError(f'{where} must be a year, 2024-05, 2024-05-31 or "", not {found!r}.')
