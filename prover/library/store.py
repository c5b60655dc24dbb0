"""The theorem store: statements with what is known of them, in one SQLite file.

A theorem's index is its place in the order in which theorems came, from 0 on, without gaps; it never
changes, and nothing is ever taken out.  No two training theorems have the same statement under the same
header, and no two evaluation theorems; where one of each do, the store knows, and
`prover.library.training_set` keeps it from training.  Statements are the same when their normal forms are
(`prover.syntax.normalise`), headers when only spaces and comments differ: under other definitions the same
words may say something else.
"""

from collections.abc import Iterable
from contextlib import AbstractContextManager

from prover.library.features import FEATURES, Features, features_of
from prover.library.reader import UNKNOWN, StoredTheorems, claim_of, digest_of
from prover.library.records import Added, Adding, JudgedAttempt
from prover.library.schema import writing
from prover.syntax.normalise import blank_comments
from prover.theorem import Theorem
from verifier.errors import InvalidInput

__all__ = ["TheoremStore"]


class TheoremStore(StoredTheorems):
    """Theorems that are added, attempts that are recorded, and what becomes of theorems.

        with TheoremStore(Path("theorems.db"), create=True) as store:
            store.add(theorem)

    Each of its writes is a transaction of its own, or a part of a `batch`.
    """

    def batch(self) -> AbstractContextManager[None]:
        """What is written inside is kept as a whole or not at all, and many times faster."""
        return writing(self._db)

    def add(
        self,
        theorem: Theorem,
        features: Features | None = None,
        *,
        proof: str | None = None,
        faulty: str | None = None,
    ) -> Added:
        """Take in a theorem unless it is there, with the proof and the known fault it came with."""
        features = features or features_of(theorem, proof)
        with self.batch():
            claim, header = claim_of(theorem.statement), self._header(theorem.header)
            source, evaluation = self._side(theorem)
            same = self._query(
                """SELECT t.id, t.name, t.evaluation, h.normal = (SELECT normal FROM headers WHERE id = ?)
                FROM theorems t JOIN headers h ON t.header = h.id WHERE t.claim = ? ORDER BY t.id""",
                header,
                claim,
            )
            names = _names(theorem.name, claim, theorem.header)
            for index, name, is_evaluation, same_header in same:
                if same_header and name in names:
                    how = self._again(index, is_evaluation, theorem, source, evaluation)
                    return Added(how, index, name)
            for index, name, is_evaluation, same_header in same:
                if same_header and is_evaluation == evaluation:
                    return Added(Adding.DUPLICATE, index, name, (name,))
            taken = {
                row[0] for row in self._query("SELECT name FROM theorems WHERE name IN (?, ?, ?)", *names)
            }
            name = next(each for each in names if each not in taken)
            index = self._insert(name, theorem, features, claim, header, source, evaluation, faulty)
            if proof is not None:
                self._db.execute("INSERT INTO source_proofs VALUES(?, ?)", (index, proof))
        return Added(Adding.ADDED, index, name, tuple(row[1] for row in same if row[2] != evaluation))

    def add_child(self, theorem: Theorem, parent: int, how: str) -> Added:
        """Take in a theorem that was made from another.

        Raises:
            InvalidInput: that one is for evaluation and this one is not: it must not be trained on either.
        """
        with self.batch():
            if self.state(parent).evaluation and not self._side(theorem)[1]:
                name = self.theorem(parent).name
                raise InvalidInput(f"`{name}` is for evaluation: nothing may grow from it to train on")
            added = self.add(theorem)
            if added.how is Adding.ADDED:
                self._db.execute("INSERT INTO lineage VALUES(?, ?, ?)", (added.index, parent, how))
        return added

    def register_evaluation(self, source: str) -> None:
        """All theorems of a source, those there and those to come, are for evaluation."""
        with self.batch():
            number = self._named("sources", source)
            self._db.execute("UPDATE sources SET evaluation = 1 WHERE id = ?", (number,))
            self._db.execute("UPDATE theorems SET evaluation = 1 WHERE source = ?", (number,))

    def flag_faulty(self, index: int, reason: str) -> None:
        """Note that a statement does not say what it should."""
        self._set("faulty", index, reason)

    def flag_elaboration(self, index: int, message: str | None) -> None:
        """Note what Lean says against a statement; None when it elaborates."""
        self._set("elaboration", index, message or "")

    def retire(self, index: int, reason: str) -> None:
        """Note that a theorem is not to be tried any more.  It keeps its index."""
        self._set("retired", index, reason)

    def record(self, attempts: Iterable[JudgedAttempt]) -> int:
        """Keep attempts with their verdicts; returns how many of them said something new.

        One that is there already changes nothing, unless nobody knew before and now somebody does.
        """
        before = self._db.total_changes
        with self.batch():
            self._db.executemany(
                f"""INSERT INTO attempts(id, theorem, policy_version, proof, status, lean_ms, disproof)
                VALUES(?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT(id) DO UPDATE SET status = excluded.status, lean_ms = excluded.lean_ms
                WHERE status IN {UNKNOWN} AND excluded.status NOT IN {UNKNOWN}""",
                (tuple(each.model_dump().values()) for each in attempts),
            )
        return self._db.total_changes - before

    def note_grown(self, index: int, attempts: int) -> None:
        """Note that theorems were grown from this one when it had so many attempts."""
        with self.batch():
            self._db.execute("INSERT OR REPLACE INTO grown VALUES(?, ?)", (index, attempts))

    def _set(self, column: str, index: int, value: str) -> None:
        with self.batch():
            changed = self._db.execute(f"UPDATE theorems SET {column} = ? WHERE id = ?", (value, index))
            if changed.rowcount == 0:
                raise InvalidInput(f"{self.path} has no theorem {index}: its {len(self)} are numbered from 0")

    def _side(self, theorem: Theorem) -> tuple[int, int]:
        """The number of a theorem's source, and whether the theorem is for evaluation."""
        source = self._named("sources", theorem.source)
        registered = self._query("SELECT evaluation FROM sources WHERE id = ?", source)[0][0]
        return source, int(registered or theorem.split != "train")

    def _again(
        self, index: int, is_evaluation: int, theorem: Theorem, source: int, evaluation: int
    ) -> Adding:
        """A theorem that is there under its name comes once more: evaluation wins, once and for all."""
        if is_evaluation == evaluation:
            return Adding.PRESENT
        if is_evaluation:
            return Adding.IS_EVALUATION
        self._db.execute(
            "UPDATE theorems SET evaluation = 1, split = ?, source = ? WHERE id = ?",
            (theorem.split, source, index),
        )
        return Adding.NOW_EVALUATION

    def _insert(
        self,
        name: str,
        theorem: Theorem,
        features: Features,
        claim: bytes,
        header: int,
        source: int,
        evaluation: int,
        faulty: str | None,
    ) -> int:
        columns = (
            "name, statement, claim, header, source, split, evaluation, family, difficulty, "
            f"{', '.join(FEATURES)}, estimated, faulty"
        )
        values = (
            name,
            theorem.statement,
            claim,
            header,
            source,
            theorem.split,
            evaluation,
            self._named("families", theorem.family),
            theorem.difficulty,
            *(getattr(features, name) for name in FEATURES),
            " ".join(sorted(features.estimated)),
            faulty,
        )
        inserted = self._db.execute(
            f"INSERT INTO theorems(id, {columns}) VALUES((SELECT coalesce(max(id) + 1, 0) FROM theorems), "
            f"{', '.join('?' * len(values))})",
            values,
        )
        return inserted.lastrowid or 0

    def _header(self, text: str) -> int:
        digest = digest_of(text)
        found = self._query("SELECT id FROM headers WHERE digest = ?", digest)
        if found:
            return int(found[0][0])
        normal = digest_of(_normal_header(text))
        inserted = self._db.execute(
            "INSERT INTO headers(digest, normal, text) VALUES(?, ?, ?)", (digest, normal, text)
        )
        return inserted.lastrowid or 0

    def _named(self, table: str, name: str) -> int:
        """The number of a source or a family, from 0 on."""
        found = self._query(f"SELECT id FROM {table} WHERE name = ?", name)
        if not found:
            self._db.execute(f"INSERT INTO {table}(id, name) SELECT count(*), ? FROM {table}", (name,))
            return self._named(table, name)
        return int(found[0][0])


def _names(name: str, claim: bytes, header: str) -> tuple[str, str, str]:
    """The names that a theorem may have here: data sets give one name to several statements."""
    digest = digest_of(f"{claim.hex()} {_normal_header(header)}").hex()
    return name, f"{name}~{digest[:8]}", f"{name}~{digest}"


def _normal_header(text: str) -> str:
    return " ".join(blank_comments(text).split())
