"""How ``finder serve`` runs the application: as finder.web.server says, and with one worker for imports beside it."""

from finder.jobs import start_beside
from finder.web import server as plain
from finder.web.server import *  # noqa: F403 - gunicorn reads this module's names as its settings


def when_ready(server: object) -> None:  # type: ignore[no-redef]  # It goes further than the plain one.
    """Start the worker, now that it no longer holds up the pages, and print where they are."""
    # Kept at the server, because the worker ends when nobody holds the pipe to it.
    server.import_worker = start_beside()  # type: ignore[attr-defined]
    plain.when_ready(server)
