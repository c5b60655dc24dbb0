"""Reading a theorem store: theorems by index, their features, what became of them, what training may see."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from prover.library.features import FEATURES, Features, FeatureTable, normal_form
from prover.library.records import Contaminated, JudgedAttempt, SourceCount, State
from prover.library.schema import connect
from prover.theorem import Theorem
from verifier.errors import InvalidInput
from verifier.verdict import Kind, Status

__all__ = ["UNKNOWN", "StoreReader", "claim_digest", "text_digest"]

UNKNOWN = tuple(status.value for status in Status if status.kind is Kind.UNKNOWN)
"""The statuses that say nothing of a proof, as SQL writes a list."""
Model = TypeVar("Model", bound=BaseModel)

_THEOREMS = """
    SELECT t.name, t.statement, h.text, s.name, t.split, f.name, t.difficulty
    FROM json_each(?) j CROSS JOIN theorems t ON j.value = t.id JOIN headers h ON t.header = h.id
        JOIN sources s ON t.source = s.id JOIN families f ON t.family = f.id
    ORDER BY j.key
"""
"""Theorems by a list of their indices, in its order; columns as `Theorem` has its fields."""


class StoreReader:
    """The theorems of a store, a `Catalogue` of all of them.  One thread uses it; other processes may too.

    To train, take `prover.library.training_set.TrainingSet`, which leaves out what must not be trained on.
    """

    def __init__(self, path: Path, *, create: bool = False) -> None:
        """Raises InvalidInput as `prover.library.schema.connect` does."""
        self.path = path
        self._db = connect(path, create=create)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        self._db.close()

    def __len__(self) -> int:
        return int(self._query("SELECT coalesce(max(id) + 1, 0) FROM theorems")[0][0])

    def theorem(self, index: int) -> Theorem:
        return self.theorems([index])[0]

    def theorems(self, indices: Sequence[int] | NDArray[np.integer[Any]]) -> list[Theorem]:
        """The theorems at these indices, in their order.

        Raises:
            InvalidInput: there is none at one of them.
        """
        rows = self._query(_THEOREMS, json.dumps([int(index) for index in indices]))
        if len(rows) < len(indices):
            count = len(self)
            raise self._no_theorem(next(index for index in indices if not 0 <= index < count))
        return [_model(Theorem, row) for row in rows]

    def index_of(self, name: str) -> int:
        """Where a theorem stands.  Raises InvalidInput when none has this name."""
        found = self._query("SELECT id FROM theorems WHERE name = ?", name)
        if not found:
            raise InvalidInput(
                f"no theorem of {self.path} is named `{name}`: see `proofmill store list` for what there is"
            )
        return int(found[0][0])

    def features(self) -> FeatureTable:
        """The features of all theorems.  Takes 48 bytes a theorem while it reads, half of them after."""
        count = len(self)
        rows = self._db.execute(
            f"SELECT {', '.join(FEATURES)}, family FROM theorems ORDER BY id LIMIT ?", (count,)
        )
        width = len(FEATURES) + 1
        table = np.fromiter(chain.from_iterable(rows), np.float32, count * width).reshape(count, width)
        columns = {name: np.ascontiguousarray(table[:, at]) for at, name in enumerate(FEATURES)}
        families = tuple(name for (name,) in self._query("SELECT name FROM families ORDER BY id"))
        return FeatureTable(**columns, family=table[:, -1].astype(np.int32), families=families)

    def features_at(self, index: int) -> Features:
        """The features of one theorem, with which of them are estimated.  Raises InvalidInput."""
        name = self.theorem(index).family
        *numbers, estimated = self._query(
            f"SELECT {', '.join(FEATURES)}, estimated FROM theorems WHERE id = ?", index
        )[0]
        return Features(
            **dict(zip(FEATURES, numbers, strict=True)), family=name, estimated=frozenset(estimated.split())
        )

    def source_proof(self, index: int) -> str | None:
        """The proof that came with a theorem; no verdict was asked for on it."""
        found = self._query("SELECT proof FROM source_proofs WHERE theorem = ?", index)
        return found[0][0] if found else None

    def parent_of(self, index: int) -> tuple[int, str] | None:
        """The theorem from which this one was made, and how; None where it was made from none."""
        found = self._query("SELECT parent, how FROM lineage WHERE child = ?", index)
        return (found[0][0], found[0][1]) if found else None

    def children_of(self, index: int) -> list[tuple[int, str]]:
        """The theorems that were made from this one, and how."""
        return self._query("SELECT child, how FROM lineage WHERE parent = ? ORDER BY child", index)

    def made_by(self, how: str) -> list[tuple[int, int]]:
        """The theorems that were made so, with those from which they were made."""
        return self._query("SELECT child, parent FROM lineage WHERE how = ? ORDER BY child", how)

    def state(self, index: int) -> State:
        """What is wrong with a theorem.  Raises InvalidInput when there is none."""
        found = self._query(
            "SELECT evaluation, faulty, nullif(elaboration, ''), elaboration IS NOT NULL, retired "
            "FROM theorems WHERE id = ?",
            index,
        )
        if not found:
            raise self._no_theorem(index)
        return _model(State, found[0])

    def retired(self) -> NDArray[np.int64]:
        """The indices of the theorems that are retired, in their order."""
        return self._indices("SELECT id FROM theorems WHERE retired IS NOT NULL ORDER BY id")

    def unchecked(self) -> NDArray[np.int64]:
        """The indices of the theorems about which Lean was not asked yet."""
        return self._indices("SELECT id FROM theorems WHERE elaboration IS NULL ORDER BY id")

    def training_indices(self, *, allow_contaminated: bool = False, first: int = 0) -> NDArray[np.int64]:
        """The indices from `first` on of the theorems that training may see, retired ones among them.

        They are none for evaluation and none with a fault, and none that is contaminated unless these are
        allowed.
        """
        sound = self._indices(
            "SELECT id FROM theorems WHERE id >= ? AND NOT evaluation AND faulty IS NULL "
            "AND coalesce(elaboration, '') = '' ORDER BY id",
            first,
        )
        if allow_contaminated:
            return sound
        refused = np.array([theorem.index for theorem in self.contaminated()], np.int64)
        return np.setdiff1d(sound, refused, assume_unique=True)

    def contaminated(self) -> list[Contaminated]:
        """The training theorems with the statement of an evaluation theorem, and all that grew from them."""
        rows = self._query(
            """WITH RECURSIVE tainted(id, origin) AS (
                SELECT t.id, e.name FROM theorems e CROSS JOIN theorems t ON t.claim = e.claim
                WHERE e.evaluation
                UNION
                SELECT l.child, tainted.origin FROM tainted CROSS JOIN lineage l ON l.parent = tainted.id
            )
            SELECT t.id, t.name, min(origin) FROM tainted CROSS JOIN theorems t ON t.id = tainted.id
            WHERE NOT t.evaluation GROUP BY t.id ORDER BY t.id"""
        )
        return [Contaminated(*row) for row in rows]

    def counts(self) -> list[SourceCount]:
        """How many theorems there are, and how many with what is wrong, by source and split."""
        rows = self._query(
            """SELECT s.name, t.split, count(*), sum(t.evaluation), count(t.faulty),
                coalesce(sum(t.elaboration <> ''), 0), count(t.retired), sum(EXISTS(
                    SELECT 1 FROM attempts a
                    WHERE a.theorem = t.id AND a.status = 'proved' AND NOT a.disproof))
            FROM theorems t JOIN sources s ON t.source = s.id GROUP BY s.name, t.split ORDER BY min(t.id)"""
        )
        return [_model(SourceCount, row) for row in rows]

    def faults(self) -> Iterator[tuple[str, str]]:
        """The names of the theorems with which something is wrong, and what."""
        for reason in ("faulty", "elaboration", "retired"):
            yield from (
                (name, f"{'does not elaborate' if reason == 'elaboration' else reason}: {text}")
                for name, text in self._db.execute(
                    f"SELECT name, {reason} FROM theorems WHERE coalesce({reason}, '') <> '' ORDER BY id"
                )
            )

    def unsolved(self, attempts: int, limit: int) -> list[tuple[int, int]]:
        """The indices of training theorems that at least so many attempts did not prove, with these numbers.

        They are at most `limit`, those with the most attempts first.  None is retired or faulty, and one from
        which theorems were grown waits until it has twice as many attempts as then.
        """
        return self._query(
            f"""SELECT t.id, count(*) AS tried FROM attempts a JOIN theorems t ON a.theorem = t.id
            LEFT JOIN grown g ON g.theorem = t.id
            WHERE NOT a.disproof AND a.status NOT IN {UNKNOWN} AND NOT t.evaluation
                AND t.retired IS NULL AND t.faulty IS NULL AND coalesce(t.elaboration, '') = ''
            GROUP BY t.id
            HAVING sum(a.status = 'proved') = 0 AND tried >= max(?, 2 * coalesce(g.attempts, 0))
            ORDER BY tried DESC, t.id LIMIT ?""",
            attempts,
            limit,
        )

    def refuted_proofs(self, index: int, count: int) -> list[str]:
        """The newest proofs of a theorem that Lean refused, the newest last."""
        rows = self._query(
            f"""SELECT proof FROM attempts WHERE theorem = ? AND NOT disproof AND status <> 'proved'
            AND status NOT IN {UNKNOWN} ORDER BY number DESC LIMIT ?""",
            index,
            count,
        )
        return [proof for (proof,) in reversed(rows)]

    def has_statement(self, theorem: Theorem) -> bool:
        """Whether a theorem of the store says the same, under whatever header."""
        return bool(
            self._query("SELECT 1 FROM theorems WHERE claim = ? LIMIT 1", claim_digest(theorem.statement))
        )

    def attempts(self, index: int) -> Iterator[JudgedAttempt]:
        """The attempts at a theorem, in the order in which they were first recorded."""
        for row in self._query(
            "SELECT id, theorem, policy_version, proof, status, lean_ms, disproof FROM attempts "
            "WHERE theorem = ? ORDER BY number",
            index,
        ):
            yield _model(JudgedAttempt, row)

    def best_proof(self, index: int) -> str | None:
        """The shortest proof that Lean accepted; of equals the first."""
        found = self._query(
            "SELECT proof FROM attempts WHERE theorem = ? AND status = 'proved' AND NOT disproof "
            "ORDER BY length(proof), number LIMIT 1",
            index,
        )
        return found[0][0] if found else None

    def _no_theorem(self, index: int) -> InvalidInput:
        return InvalidInput(f"{self.path} has no theorem {index}: its {len(self)} are numbered from 0")

    def _query(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        return self._db.execute(sql, values).fetchall()

    def _indices(self, sql: str, *values: object) -> NDArray[np.int64]:
        return np.fromiter((row[0] for row in self._db.execute(sql, values)), np.int64)


def _model(model: type[Model], row: tuple[Any, ...]) -> Model:
    """Make a model of a row that has the model's fields in their order."""
    return model.model_validate(dict(zip(model.model_fields, row, strict=True)))


def claim_digest(statement: str) -> bytes:
    """A digest of what a statement says: statements with the same normal form have the same."""
    return text_digest(normal_form(statement))


def text_digest(text: str) -> bytes:
    """16 bytes of the text's SHA-256: that two of a million texts share them has a chance of 1e-27."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).digest()[:16]
