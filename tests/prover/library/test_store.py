"""The theorem store: what enters stays in its place, none twice, and no evaluation theorem is trained on."""

import multiprocessing
import os
import signal
import sqlite3
import tracemalloc
from itertools import islice
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prover.families import generate
from prover.library.features import FEATURES, features_of
from prover.library.records import AddOutcome, JudgedAttempt
from prover.library.schema import VERSION
from prover.library.store import TheoremStore
from prover.theorem import Theorem
from tests.support.theorems import theorem
from verifier.errors import InvalidInput, ProofmillError
from verifier.verdict import Status


def attempt(
    number: int, status: Status, proof: str = "by omega", *, index: int = 0, disproof: bool = False
) -> JudgedAttempt:
    return JudgedAttempt(
        id=f"task/{number}",
        theorem=index,
        policy_version=number,
        proof=proof,
        status=status,
        lean_ms=1.5,
        disproof=disproof,
    )


# Theorems and their indices


def test_theorems_come_back_as_they_went_in_at_the_index_of_their_coming(tmp_path: Path) -> None:
    theorems = [each for each, _ in generate(1, 200)]
    with TheoremStore(tmp_path / "t.db", create=True) as store:
        assert [store.add(each).index for each in theorems] == list(range(200))
    with TheoremStore(tmp_path / "t.db") as store:
        assert len(store) == 200
        assert [store.theorem(index) for index in range(200)] == theorems
        assert [store.index_of(each.name) for each in theorems] == list(range(200))


@settings(max_examples=25)
@given(st.text(min_size=1), st.text(), st.text(), st.text())
def test_any_text_survives(
    tmp_path_factory: pytest.TempPathFactory, name: str, claim: str, header: str, family: str
) -> None:
    stated = Theorem(
        name=name, statement=claim, header=header, source="any", split="valid", family=family, difficulty=3
    )
    with TheoremStore(tmp_path_factory.mktemp("any") / "t.db", create=True) as store:
        index = store.add(stated, proof=claim).index
        assert store.theorem(index) == stated
        assert store.source_proof(index) == claim


def test_theorems_are_fetched_in_the_order_asked_for_and_as_often(store: TheoremStore) -> None:
    theorems = [each for each, _ in generate(2, 50)]
    for each in theorems:
        store.add(each)
    wanted = Random(0).choices(range(50), k=256)
    assert store.theorems(wanted) == [theorems[index] for index in wanted]
    assert store.theorems(np.array([7, 7])) == [theorems[7]] * 2
    assert store.theorems([]) == []


@pytest.mark.parametrize("index", [-1, 3])
def test_an_index_outside_the_store_is_refused(store: TheoremStore, index: int) -> None:
    for name in "abc":
        store.add(theorem(name))
    for ask in (store.theorem, store.state, store.features_at, lambda at: store.retire(at, "no")):
        with pytest.raises(InvalidInput, match=f"no theorem {index}"):
            ask(index)


def test_a_name_that_is_not_there_is_refused(store: TheoremStore) -> None:
    with pytest.raises(InvalidInput, match="`nowhere`"):
        store.index_of("nowhere")


def test_the_columns_of_features_are_those_of_the_theorems(store: TheoremStore) -> None:
    pairs = generate(4, 120)
    for number, (each, proof) in enumerate(pairs):
        store.add(each, proof=proof if number % 2 else None)
    table = store.features()
    for index, (each, proof) in enumerate(pairs):
        features = features_of(each, proof if index % 2 else None)
        assert store.features_at(index) == features
        assert [table.column(name)[index] for name in FEATURES] == [
            getattr(features, name) for name in FEATURES
        ]
        assert table.families[table.family[index]] == each.family


def test_features_leave_no_object_for_each_theorem(store: TheoremStore) -> None:
    with store.batch():
        for number in range(5_000):
            store.add(
                theorem(f"t{number}", f": {number} = {number}"), features=features_of(theorem("t", ": 0 = 0"))
            )
    tracemalloc.start()
    table = store.features()
    held, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(table) == 5_000
    assert held / 5_000 < 26  # bytes: six columns of four
    assert peak / 5_000 < 60


# The same statement twice


@pytest.mark.parametrize(
    ("name", "claim"),
    [
        ("other", "(n m : Nat) : n = m"),
        ("other", "(a b : Nat) :\n  a = b -- renamed"),
        ("t", "(a b : Nat) : a = b"),
    ],
)
def test_a_statement_enters_once_however_it_is_spelled(store: TheoremStore, name: str, claim: str) -> None:
    store.add(theorem("t", "(n m : Nat) : n = m", header="open Nat\n"))
    added = store.add(theorem(name, claim, header="open Nat -- for zero\n\n"))
    assert (added.outcome, added.index) == (AddOutcome.PRESENT if name == "t" else AddOutcome.DUPLICATE, 0)
    assert len(store) == 1


def test_the_same_words_under_other_definitions_are_another_theorem(store: TheoremStore) -> None:
    first = store.add(theorem("t", ": f 0 = 0", header="def f (n : Nat) := n\n"))
    second = store.add(theorem("u", ": f 0 = 0", header="def f (n : Nat) := n + 1\n"))
    assert (first.outcome, second.outcome) == (AddOutcome.ADDED, AddOutcome.ADDED)


def test_another_statement_of_a_known_name_gets_a_name_that_does_not_depend_on_the_order(
    tmp_path: Path,
) -> None:
    texts = [theorem("t", f": {number} = {number}") for number in range(3)]
    names: list[set[str]] = []
    for number, order in enumerate(([0, 1, 2], [0, 2, 1])):
        with TheoremStore(tmp_path / f"{number}.db", create=True) as store:
            added = [store.add(texts[at]) for at in order]
            assert all(each.outcome is AddOutcome.ADDED for each in added)
            assert [store.add(texts[at]).outcome for at in order] == [AddOutcome.PRESENT] * 3
            assert [store.theorem(each.index).statement for each in added] == [
                texts[at].statement for at in order
            ]
            names.append({each.name for each in added})
    assert names[0] == names[1]
    assert len(names[0]) == 3


# Lineage


def test_lineage_says_from_what_a_theorem_was_made_and_how(store: TheoremStore) -> None:
    store.add(theorem("a"))
    store.add_child(theorem("b"), 0, "specialised n to 2")
    assert store.parent_of(1) == (0, "specialised n to 2")
    assert store.parent_of(0) is None
    assert store.children_of(0) == [(1, "specialised n to 2")]
    assert store.add_child(
        theorem("c", store.theorem(0).statement[len("theorem a ") :]), 1, "generalised"
    ).outcome is (AddOutcome.DUPLICATE)
    assert store.children_of(1) == []


# Attempts


def test_recording_twice_changes_nothing(store: TheoremStore) -> None:
    store.add(theorem("a"))
    attempts = [attempt(1, Status.REJECTED), attempt(2, Status.PROVED)]
    assert store.record(attempts) == 2
    assert store.record([*attempts, attempt(1, Status.PROVED), attempt(2, Status.TIMEOUT)]) == 0
    assert list(store.attempts(0)) == attempts


def test_a_verdict_takes_the_place_of_nobody_knows(store: TheoremStore) -> None:
    store.add(theorem("a"))
    store.record([attempt(1, Status.TIMEOUT), attempt(2, Status.REJECTED)])
    assert store.record([attempt(1, Status.CRASHED)]) == 0
    assert store.record([attempt(1, Status.PROVED)]) == 1
    assert [each.status for each in store.attempts(0)] == [Status.PROVED, Status.REJECTED]


def test_the_best_proof_is_the_shortest_that_was_proved(store: TheoremStore) -> None:
    store.add(theorem("a"))
    assert store.best_proof(0) is None
    store.record(
        [
            attempt(1, Status.PROVED, "by\n  simp\n  omega"),
            attempt(2, Status.REJECTED, "rfl"),
            attempt(3, Status.PROVED, "by decide"),
            attempt(4, Status.PROVED, "by simp_a"),
            attempt(5, Status.TIMEOUT, "by"),
        ]
    )
    assert store.best_proof(0) == "by decide"


def test_a_proof_of_the_negation_is_no_proof(store: TheoremStore) -> None:
    store.add(theorem("a"))
    store.record([attempt(1, Status.PROVED, disproof=True)])
    assert store.best_proof(0) is None
    assert store.counts()[0].proved == 0
    store.record([attempt(2, Status.PROVED)])
    assert store.counts()[0].proved == 1


def test_an_attempt_at_no_theorem_is_refused_with_all_that_came_with_it(store: TheoremStore) -> None:
    store.add(theorem("a"))
    with pytest.raises(sqlite3.IntegrityError):
        store.record([attempt(1, Status.PROVED), attempt(2, Status.PROVED, index=9)])
    assert list(store.attempts(0)) == []


# What stays unsolved


def test_a_theorem_is_unsolved_when_enough_known_attempts_did_not_prove_it(store: TheoremStore) -> None:
    for name in "abcdef":
        store.add(theorem(name, split="test" if name == "f" else "train"))
    refused, numbers = Status.REJECTED, iter(range(100))

    def tried(index: int, count: int, status: Status = refused, *, disproof: bool = False) -> None:
        store.record(
            attempt(number, status, f"by {number}", index=index, disproof=disproof)
            for number in islice(numbers, count)
        )

    tried(0, 4)
    tried(1, 6)
    tried(2, 3)
    tried(2, 5, Status.TIMEOUT)  # nobody knows
    tried(2, 5, disproof=True)
    tried(3, 6)
    tried(3, 1, Status.PROVED)
    tried(4, 6)
    store.retire(4, "false")
    tried(5, 9)
    assert store.unsolved(4, limit=9) == [(1, 6), (0, 4)]
    assert store.unsolved(4, limit=1) == [(1, 6)]
    assert store.refuted_proofs(0, 2) == ["by 2", "by 3"]
    store.note_grown(1, 6)
    assert store.unsolved(4, limit=9) == [(0, 4)]
    tried(1, 6)
    assert store.unsolved(4, limit=9) == [(1, 12), (0, 4)]


# The file


def test_a_store_of_a_newer_version_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "t.db"
    with TheoremStore(path, create=True) as store:
        store.add(theorem("a"))
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (VERSION,)
        db.execute(f"PRAGMA user_version = {VERSION + 1}")
    db.close()
    before = path.read_bytes()
    for create in (True, False):
        with pytest.raises(InvalidInput, match=r"newer Proofmill.*update Proofmill"):
            TheoremStore(path, create=create)
    assert path.read_bytes() == before


def test_a_store_of_the_first_version_is_brought_up_to_date_and_keeps_what_it_has(tmp_path: Path) -> None:
    path = tmp_path / "t.db"
    with TheoremStore(path, create=True) as store:
        store.add(theorem("a"))
    with sqlite3.connect(path) as db:
        db.execute("DROP TABLE grown")
        db.execute("PRAGMA user_version = 1")
    db.close()
    for _ in range(2):
        with TheoremStore(path) as store:
            assert store.theorem(0) == theorem("a")
            store.note_grown(0, 4)


def test_what_is_no_store_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    text, other = tmp_path / "notes.txt", tmp_path / "other.db"
    text.write_text("theorems, perhaps " * 300)
    with sqlite3.connect(other) as db:
        db.execute("CREATE TABLE theorems(name)")
    db.close()
    before = other.read_bytes()
    with pytest.raises(InvalidInput, match=r"notes\.txt cannot be read as a theorem store"):
        TheoremStore(text, create=True)
    with pytest.raises(InvalidInput, match=r"other\.db is a database of something else"):
        TheoremStore(other, create=True)
    assert text.read_text().startswith("theorems, perhaps")
    assert other.read_bytes() == before


def test_a_store_that_is_not_there_is_made_only_when_that_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="there is no store"):
        TheoremStore(tmp_path / "t.db")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(InvalidInput, match="cannot open"):
        TheoremStore(tmp_path / "nowhere" / "t.db", create=True)


def test_a_disk_that_is_full_costs_only_what_did_not_fit(store: TheoremStore) -> None:
    store.add(theorem("a"))
    pages = store._db.execute("PRAGMA page_count").fetchone()[0]
    store._db.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(ProofmillError, match=r"cannot be written.*full"), store.batch():
        for number in range(1000):
            store.add(theorem(f"t{number}", f": {number} = {number}"))
    assert len(store) == 1
    store._db.execute("PRAGMA max_page_count = 100000")
    assert store.add(theorem("b")).index == 1


def _add_until_killed(path: Path) -> None:
    with TheoremStore(path) as store:
        with store.batch():
            for number in range(100):
                store.add(theorem(f"kept{number}", f": {number} = {number}"))
        with store.batch():
            for number in range(50):
                store.add(theorem(f"lost{number}", f": {number} + 0 = {number}"))
            os.kill(os.getpid(), signal.SIGKILL)


def test_a_kill_costs_the_open_batch_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "t.db"
    TheoremStore(path, create=True).close()
    process = multiprocessing.get_context("spawn").Process(target=_add_until_killed, args=(path,))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    with TheoremStore(path) as store:
        assert len(store) == 100
        assert store.add(theorem("next")).index == 100


def _add_some(path: Path, prefix: str) -> None:
    with TheoremStore(path, create=True) as store:
        for number in range(60):
            store.add(theorem(f"{prefix}{number}", f": {prefix} {number} = 0"))


def test_processes_that_add_at_once_make_one_dense_numbering(tmp_path: Path) -> None:
    path = tmp_path / "t.db"
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_add_some, args=(path, prefix)) for prefix in "pqr"]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    with TheoremStore(path) as store:
        assert len(store) == 180
        names = [each.name for each in store.theorems(range(180))]
    assert sorted(names) == sorted(f"{prefix}{number}" for prefix in "pqr" for number in range(60))
