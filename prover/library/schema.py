"""The file of a theorem store: its tables by version, and the refusal of what is no store or a newer one.

SQLite marks the file: `application_id` says that it is a store, `user_version` which tables it has.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from verifier.errors import InvalidInput, ProofmillError

__all__ = ["MIGRATIONS", "VERSION", "connect", "writing"]

APPLICATION_ID = 0x50524D4C
"""The letters `PRML`."""

_WAIT_S = 30.0
"""How long to wait for another process that writes."""
_CACHE_KIB = 32 * 1024

MIGRATIONS = (
    """
CREATE TABLE sources(
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    evaluation INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE families(
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
);
CREATE TABLE headers(
    id INTEGER PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE,
    normal BLOB NOT NULL,
    text TEXT NOT NULL
);
CREATE TABLE theorems(
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    statement TEXT NOT NULL,
    claim BLOB NOT NULL,
    header INTEGER NOT NULL REFERENCES headers,
    source INTEGER NOT NULL REFERENCES sources,
    split TEXT NOT NULL,
    evaluation INTEGER NOT NULL,
    family INTEGER NOT NULL REFERENCES families,
    difficulty INTEGER NOT NULL,
    dependency_depth INTEGER NOT NULL,
    proof_length INTEGER NOT NULL,
    lemmas_used INTEGER NOT NULL,
    statement_size INTEGER NOT NULL,
    quantifiers INTEGER NOT NULL,
    estimated TEXT NOT NULL,
    faulty TEXT,
    retired TEXT,
    elaboration TEXT
);
CREATE INDEX theorems_by_claim ON theorems(claim);
CREATE INDEX evaluated_claims ON theorems(claim) WHERE evaluation;
CREATE TABLE source_proofs(
    theorem INTEGER PRIMARY KEY REFERENCES theorems,
    proof TEXT NOT NULL
);
CREATE TABLE attempts(
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    theorem INTEGER NOT NULL REFERENCES theorems,
    policy_version INTEGER NOT NULL,
    proof TEXT NOT NULL,
    status TEXT NOT NULL,
    lean_ms REAL NOT NULL,
    disproof INTEGER NOT NULL
);
CREATE INDEX attempts_by_theorem ON attempts(theorem);
CREATE INDEX proofs ON attempts(theorem, length(proof), number) WHERE status = 'proved' AND NOT disproof;
CREATE TABLE lineage(
    child INTEGER PRIMARY KEY REFERENCES theorems,
    parent INTEGER NOT NULL REFERENCES theorems,
    how TEXT NOT NULL
);
CREATE INDEX lineage_by_parent ON lineage(parent);
""",
    """
CREATE TABLE grown(
    theorem INTEGER PRIMARY KEY REFERENCES theorems,
    attempts INTEGER NOT NULL
);
""",
)
"""SQL that makes the tables of version 1 from nothing, and of every later version from those before it."""
VERSION = len(MIGRATIONS)


def connect(path: Path, *, create: bool) -> sqlite3.Connection:
    """A connection to the store at `path`; with `create`, to a new one where there is no file.

    Transactions are begun and ended by whoever writes: see `writing`.

    Raises:
        InvalidInput: there is none, it cannot be opened, is no store, or one of a newer version.
    """
    if not create and not path.exists():
        raise InvalidInput(f"there is no store at {path}: make one with `proofmill store import`")
    try:
        db = sqlite3.connect(path, timeout=_WAIT_S, isolation_level=None)
    except sqlite3.Error as error:
        raise InvalidInput(f"cannot open {path}: {error}. Give a file in a directory that exists") from error
    try:
        _check(db, path)
        db.execute("PRAGMA foreign_keys = ON")
        # A kill loses nothing that was written; a power cut may lose the last moments, never the file.
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
    except sqlite3.DatabaseError as error:
        db.close()
        raise InvalidInput(
            f"{path} cannot be read as a theorem store: {error}. Give another file, or move this one away"
        ) from error
    except InvalidInput:
        db.close()
        raise
    return db


@contextmanager
def writing(db: sqlite3.Connection) -> Iterator[None]:
    """One transaction, or a part of the one that is open: all of the block is kept, or nothing.

    Raises:
        ProofmillError: it cannot be written; nothing of the transaction is.
    """
    if db.in_transaction:
        yield
        return
    try:
        db.execute("BEGIN IMMEDIATE")
        try:
            yield
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
    except sqlite3.OperationalError as error:
        raise ProofmillError(
            f"the theorem store cannot be written: {error}; make room, or wait until whoever writes there is "
            "done, and do it again: what was written before is kept"
        ) from error


def _check(db: sqlite3.Connection, path: Path) -> None:
    """See that it is a store of this version; make a new file one, and bring an older one up to date."""
    marked, version = _pragma(db, "application_id"), _pragma(db, "user_version")
    if marked != APPLICATION_ID:
        with closing(db.execute("SELECT count(*) FROM sqlite_schema")) as found:
            if marked or version or found.fetchone()[0]:
                raise InvalidInput(f"{path} is a database of something else: give another file for the store")
        db.execute("PRAGMA journal_mode = WAL")
    elif version > VERSION:
        raise InvalidInput(
            f"{path} was written by a newer Proofmill (its tables are version {version}, this one knows "
            f"{VERSION}): update Proofmill, or import into a new file"
        )
    if version < VERSION:
        _migrate(db)


def _migrate(db: sqlite3.Connection) -> None:
    with writing(db):
        # Another process may have done it while this one waited.
        version = _pragma(db, "user_version")
        for migration in MIGRATIONS[version:]:
            for statement in migration.split(";"):
                db.execute(statement)
            version += 1
            db.execute(f"PRAGMA user_version = {version}")
            db.execute(f"PRAGMA application_id = {APPLICATION_ID}")


def _pragma(db: sqlite3.Connection, name: str) -> int:
    with closing(db.execute(f"PRAGMA {name}")) as found:
        value: int = found.fetchone()[0]
    return value
