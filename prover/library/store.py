"""The theorem store: statements with what is known of them, in one SQLite file.

A theorem's index is its place in the order in which theorems came, from 0 on, without gaps; it never
changes, and nothing is ever taken out.  No two training theorems have the same statement under the same
header, and no two evaluation theorems have.  Where a training theorem has the statement of an evaluation
theorem, the store knows, and `prover.library.training_set` keeps it from training.  Statements are the same
when their normal forms are (`prover.syntax.normalise`), headers when only spaces and comments differ: under
other definitions the same words may say something else.
"""

from collections.abc import Iterable
from contextlib import AbstractContextManager

from prover.library.features import FEATURES, Features, features_of
from prover.library.reader import UNKNOWN, StoreReader, claim_digest, text_digest
from prover.library.records import AddedTheorem, AddOutcome, JudgedAttempt
from prover.library.schema import writing
from prover.syntax.normalise import blank_comments
from prover.theorem import Theorem
from verifier.errors import InvalidInput

__all__ = ["TheoremStore"]


class TheoremStore(StoreReader):
    """A store that theorems and attempts are written to, and what becomes of theorems.

        with TheoremStore(Path("theorems.db"), create=True) as store:
            store.add(theorem)

    Every write is a transaction of its own, or a part of a `batch`.
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
    ) -> AddedTheorem:
        """Take in a theorem unless it is there, with the proof and the known fault it came with.

        Without `features`, they are those of its text.
        """
        features = features or features_of(theorem, proof)
        with self.batch():
            claim, header = claim_digest(theorem.statement), self._header(theorem.header)
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
                    outcome = self._add_again(index, is_evaluation, theorem, source, evaluation)
                    return AddedTheorem(outcome, index, name)
            for index, name, is_evaluation, same_header in same:
                if same_header and is_evaluation == evaluation:
                    return AddedTheorem(AddOutcome.DUPLICATE, index, name, (name,))
            taken = {
                row[0] for row in self._query("SELECT name FROM theorems WHERE name IN (?, ?, ?)", *names)
            }
            name = next(candidate for candidate in names if candidate not in taken)
            index = self._insert(
                theorem,
                features,
                name=name,
                claim=claim,
                header=header,
                source=source,
                evaluation=evaluation,
                faulty=faulty,
            )
            if proof is not None:
                self._db.execute("INSERT INTO source_proofs VALUES(?, ?)", (index, proof))
        others = tuple(row[1] for row in same if row[2] != evaluation)
        return AddedTheorem(AddOutcome.ADDED, index, name, others)

    def add_child(self, theorem: Theorem, parent: int, how: str) -> AddedTheorem:
        """Take in a theorem that was made from another.

        Raises:
            InvalidInput: that one is for evaluation and this one is not: it must not be trained on either.
        """
        with self.batch():
            if self.state(parent).evaluation and not self._side(theorem)[1]:
                name = self.theorem(parent).name
                raise InvalidInput(f"`{name}` is for evaluation: nothing may grow from it to train on")
            added = self.add(theorem)
            if added.outcome is AddOutcome.ADDED:
                self._db.execute("INSERT INTO lineage VALUES(?, ?, ?)", (added.index, parent, how))
        return added

    def register_evaluation(self, source: str) -> None:
        """All theorems of a source, those there and those to come, are for evaluation."""
        with self.batch():
            number = self._named("sources", source)
            self._db.execute("UPDATE sources SET evaluation = 1 WHERE id = ?", (number,))
            self._db.execute("UPDATE theorems SET evaluation = 1 WHERE source = ?", (number,))

    def flag_elaboration(self, index: int, message: str | None) -> None:
        """Note what Lean says against a statement; None when it elaborates."""
        self._set("elaboration", index, message or "")

    def retire(self, index: int, reason: str) -> None:
        """Note that a theorem is not to be tried any more.  It keeps its index."""
        self._set("retired", index, reason)

    def record(self, attempts: Iterable[JudgedAttempt]) -> int:
        """Keep attempts with their verdicts; returns how many of them said something new.

        An attempt that is there already changes nothing, unless its verdict was unknown and is known now.
        """
        before = self._db.total_changes
        with self.batch():
            self._db.executemany(
                f"""INSERT INTO attempts(id, theorem, policy_version, proof, status, lean_ms, disproof)
                VALUES(?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT(id) DO UPDATE SET status = excluded.status, lean_ms = excluded.lean_ms
                WHERE status IN {UNKNOWN} AND excluded.status NOT IN {UNKNOWN}""",
                (tuple(attempt.model_dump().values()) for attempt in attempts),
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
                raise self._no_theorem(index)

    def _side(self, theorem: Theorem) -> tuple[int, int]:
        """The number of a theorem's source, and whether the theorem is for evaluation."""
        source = self._named("sources", theorem.source)
        registered = self._query("SELECT evaluation FROM sources WHERE id = ?", source)[0][0]
        return source, int(registered or theorem.split != "train")

    def _add_again(
        self, index: int, is_evaluation: int, theorem: Theorem, source: int, evaluation: int
    ) -> AddOutcome:
        """Take in what is there under its name: a theorem that once is for evaluation stays so."""
        if is_evaluation == evaluation:
            return AddOutcome.PRESENT
        if is_evaluation:
            return AddOutcome.IS_EVALUATION
        self._db.execute(
            "UPDATE theorems SET evaluation = 1, split = ?, source = ? WHERE id = ?",
            (theorem.split, source, index),
        )
        return AddOutcome.NOW_EVALUATION

    def _insert(self, theorem: Theorem, features: Features, **columns: object) -> int:
        """Put in a theorem's row, with `columns` that neither it nor its features say; returns its index."""
        row = {
            **columns,
            "statement": theorem.statement,
            "split": theorem.split,
            "family": self._named("families", theorem.family),
            "difficulty": theorem.difficulty,
            "estimated": " ".join(sorted(features.estimated)),
            **{name: getattr(features, name) for name in FEATURES},
        }
        inserted = self._db.execute(
            f"INSERT INTO theorems(id, {', '.join(row)}) "
            f"VALUES((SELECT coalesce(max(id) + 1, 0) FROM theorems), {', '.join('?' * len(row))})",
            tuple(row.values()),
        )
        return inserted.lastrowid or 0

    def _header(self, text: str) -> int:
        digest = text_digest(text)
        found = self._query("SELECT id FROM headers WHERE digest = ?", digest)
        if found:
            return int(found[0][0])
        normal = text_digest(_normal_header(text))
        inserted = self._db.execute(
            "INSERT INTO headers(digest, normal, text) VALUES(?, ?, ?)", (digest, normal, text)
        )
        return inserted.lastrowid or 0

    def _named(self, table: str, name: str) -> int:
        """The number of a source or a family, which gets the next one from 0 on if it is new."""
        found = self._query(f"SELECT id FROM {table} WHERE name = ?", name)
        if not found:
            self._db.execute(f"INSERT INTO {table}(id, name) SELECT count(*), ? FROM {table}", (name,))
            return self._named(table, name)
        return int(found[0][0])


def _names(name: str, claim: bytes, header: str) -> tuple[str, str, str]:
    """The names that a theorem may have here: data sets give one name to several statements."""
    digest = text_digest(f"{claim.hex()} {_normal_header(header)}").hex()
    return name, f"{name}~{digest[:8]}", f"{name}~{digest}"


def _normal_header(text: str) -> str:
    return " ".join(blank_comments(text).split())
