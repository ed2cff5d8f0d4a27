"""The errors that this program raises on purpose; each has the status and code that every door shows."""


class FinderError(Exception):
    """Something that the caller can understand and mend; the message is one plain sentence."""

    status = 500
    code = "error"


class InvalidQuery(FinderError):
    """The caller's search cannot be understood; ``fields`` says why, by parameter name."""

    status = 422
    code = "invalid-query"

    def __init__(self, fields: dict[str, str]) -> None:
        super().__init__("Some parts of the search need a change.")
        self.fields = fields


class NotFound(FinderError):
    """There is no such thing here."""

    status = 404
    code = "not-found"


class SourceError(FinderError):
    """A source cannot be read at all; the message names the file, the cause and the mend."""

    status = 422
    code = "source-unreadable"


class SettingsError(FinderError):
    """A setting has a value that cannot be used; the message names it."""

    code = "invalid-setting"


class GuardStopped(FinderError):
    """An import would do more than its guards allow; the message says what, and how to go on."""

    status = 409
    code = "guard-stopped"


class PlanOutdated(FinderError):
    """The directory has changed since an import was planned."""

    status = 409
    code = "plan-outdated"


class ImportBusy(FinderError):
    """Another import holds the lock; the message says who."""

    status = 409
    code = "import-busy"


class FetchError(FinderError):
    """A file cannot be fetched from outside; the message names the file, its address and the mend."""

    status = 502
    code = "fetch-failed"
