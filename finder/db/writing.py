"""What to say when the directory cannot be written: the disk is full or read-only, or the server is gone."""

import errno
import sqlite3

from sqlalchemy.exc import OperationalError

NOT_WRITTEN = (OperationalError, sqlite3.OperationalError, OSError)
"""What is raised where a disk is full or cannot be written, or where the database is gone."""

_MEND = "See that its disk has room and can be written, and that its server runs, then start it again."


def why_not_written(error: Exception) -> str:
    """Return the words for an error of NOT_WRITTEN: what the database or the disk said, and what to do."""
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        said = "the disk is full"
    else:
        cause = getattr(error, "orig", None) or getattr(error, "strerror", None) or error
        said = str(cause).partition("\n")[0].rstrip(".")
    return f"The directory cannot be written: {said}. Nothing was changed. {_MEND}"
