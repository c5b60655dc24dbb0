"""Verdicts kept in a file, so that what one run has judged the next on this machine need not.

Whoever can write the file can say `proved`: keep it as safe as the verifier itself.  Several processes may
use one file.  A file that is locked too long, full or broken costs nothing but the verdicts that it held:
Lean judges.
"""

import logging
import sqlite3
from contextlib import closing
from pathlib import Path

from verifier.errors import InvalidInput

__all__ = ["FileVerdicts"]

LONGEST_WAIT_S = 0.5
_TABLE = "CREATE TABLE IF NOT EXISTS verdicts (digest TEXT PRIMARY KEY, verdict BLOB NOT NULL) WITHOUT ROWID"

log = logging.getLogger(__name__)


class FileVerdicts:
    """A `VerdictStore` in the SQLite file at `path`, which is made if it is not there.

    Raises:
        InvalidInput: the file cannot be made, or is something else.
    """

    def __init__(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Without a thread of its own: a question takes some 20 microseconds.
            self._connection = sqlite3.connect(path, timeout=LONGEST_WAIT_S, isolation_level=None)
            self._connection.execute("PRAGMA journal_mode=WAL")
            # What a loss of power takes is judged again.
            self._connection.execute("PRAGMA synchronous=NORMAL")
            self._connection.execute(_TABLE)
        except (OSError, sqlite3.Error) as error:
            raise InvalidInput(
                f"verdicts cannot be kept in {path}: {error}; name a file on a local disk, new or made by "
                "this setting"
            ) from error

    async def get(self, digest: str) -> bytes | None:
        """As `VerdictStore.get`."""
        try:
            found = self._connection.execute("SELECT verdict FROM verdicts WHERE digest = ?", (digest,))
            with closing(found):
                row = found.fetchone()
        except sqlite3.Error as error:
            log.warning("the file of verdicts does not answer, Lean judges: %s", error)
            return None
        return bytes(row[0]) if row is not None else None

    async def put(self, digest: str, verdict: bytes) -> None:
        """As `VerdictStore.put`."""
        try:
            self._connection.execute("INSERT OR REPLACE INTO verdicts VALUES (?, ?)", (digest, verdict))
        except sqlite3.Error as error:
            log.warning("a verdict was not kept in the file of verdicts: %s", error)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()
