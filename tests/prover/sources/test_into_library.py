"""Importers: every row of every source comes in, or somebody is told which one did not, and why."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from prover.cli import store_app
from prover.library.elaboration import check_store, elaborate_statements
from prover.library.store import TheoremStore
from prover.library.training_set import TrainingSet
from prover.sources.datasets import FAULTY, read_dataset
from prover.sources.generated import family_theorems
from prover.sources.into_library import ImportReport, import_rows
from prover.theorem import Theorem
from verifier.errors import InvalidInput
from verifier.judging.pool import LeanPool

ROW = {
    "name": "two_and_two",
    "split": "train",
    "formal_statement": "theorem two_and_two (n : ℕ) (h : n = 2) :\n  n + n = 4 := by\n",
    "header": "import Mathlib\n",
}
PUTNAM = {
    "name": "putnam_0000_a1",
    "lean4_statement": (
        "abbrev putnam_0000_a1_solution : ℕ := sorry\n-- 4\n"
        "theorem putnam_0000_a1 (n : ℕ) (h : n = 2) : n + n = putnam_0000_a1_solution :=\nsorry"
    ),
}


def written(path: Path, *rows: object) -> Path:
    path.write_bytes(b"\n".join(row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows))
    return path


def imported(tmp_path: Path, *rows: object) -> tuple[TheoremStore, ImportReport]:
    store = TheoremStore(tmp_path / "theorems.db", create=True)
    return store, import_rows(store, read_dataset(written(tmp_path / "rows.jsonl", *rows), source="rows"))


# JSONL


@pytest.mark.parametrize(("name", "count", "faulty"), [("minif2f", 488, len(FAULTY)), ("proofnet", 371, 0)])
def test_every_row_of_a_published_set_comes_in_as_it_is_and_once(
    tmp_path: Path, shared_data: Path, name: str, count: int, faulty: int
) -> None:
    path = shared_data / f"{name}.jsonl"
    with TheoremStore(tmp_path / "theorems.db", create=True) as store:
        report = import_rows(store, read_dataset(path, source=name))
        assert (report.added, report.malformed, report.duplicates) == (count, [], [])
        assert len(report.faulty) == faulty
        came = [each.model_copy(update={"name": ""}) for each in store.theorems(range(count))]
        assert came == [
            Theorem(
                name="",
                statement=re.sub(r"\s*:=\s*(by\s*)?$", "", row["formal_statement"]),
                header=row["header"],
                source=name,
                split=row["split"],
            )
            for row in map(json.loads, path.read_text("utf-8").splitlines())
        ]
        assert import_rows(store, read_dataset(path, source=name)).present == count
        assert len(store) == count
        with pytest.raises(InvalidInput, match="none to train on"):
            TrainingSet(store)


def test_known_faults_of_minif2f_are_flagged_and_nothing_else_is(tmp_path: Path, shared_data: Path) -> None:
    with TheoremStore(tmp_path / "theorems.db", create=True) as store:
        import_rows(store, read_dataset(shared_data / "minif2f.jsonl", source="minif2f"))
        flagged = {store.theorem(index).name for index in range(488) if store.state(index).faulty}
    assert flagged == FAULTY.keys()


BAD = {
    b"{": "malformed JSON",
    b"[]": "a row must be a JSON object",
    b'{"name": "\xff"}': "invalid UTF-8 at byte 10",
    json.dumps({**ROW, "split": "dev"}).encode(): "field `split`",
    json.dumps({**ROW, "name": ""}).encode(): "field `name`",
    json.dumps({**ROW, "name": "\ud800"}).encode(): "unicode",
    json.dumps(
        {key: value for key, value in ROW.items() if key != "header"}
    ).encode(): "field `header` is missing",
    json.dumps(
        {key: value for key, value in ROW.items() if key != "split"}
    ).encode(): "field `split` is missing",
    json.dumps({"name": "t"}).encode(): "one of `formal_statement`, `lean4_statement` and `lean4_code`",
    json.dumps({**ROW, "formal_statement": "theorem t : 1 = 1"}).encode(): "`t` has no `:=`",
    json.dumps({**ROW, "formal_statement": "theorem t (n : ℕ"}).encode(): "`t` has no `:=`",
    json.dumps({**ROW, "formal_statement": "1 = 1 := by"}).encode(): "does not end with a `theorem`",
    json.dumps(
        {**ROW, "formal_statement": "theorem t : 1 = 1 := rfl\ntheorem u : 1 = 1 :="}
    ).encode(): "two theorems",
    json.dumps(
        {**ROW, "formal_statement": "theorem t : ∀ n, n = n\n| 0 => rfl\n| n + 1 => rfl"}
    ).encode(): "cases",
    b"[" * 100_000: "nested too deeply",
}


@pytest.mark.parametrize(("line", "reason"), BAD.items(), ids=BAD.values())
def test_a_malformed_row_is_reported_with_its_number_and_costs_only_itself(
    tmp_path: Path, line: bytes, reason: str
) -> None:
    other = {**ROW, "name": "other", "formal_statement": "theorem other : 1 = 1 := by"}
    store, report = imported(tmp_path, ROW, b"", line, other)
    assert (report.added, report.rows) == (2, 3)
    (row,) = report.malformed
    assert row.where.endswith("rows.jsonl:3")
    assert reason in row.reason
    assert [each.name for each in store.theorems([0, 1])] == ["two_and_two", "other"]


def test_windows_line_ends_and_a_byte_order_mark_change_nothing(tmp_path: Path) -> None:
    text = {key: value.replace("\n", "\r\n") for key, value in ROW.items()}
    store, report = imported(tmp_path, b"\xef\xbb\xbf" + json.dumps(text).encode() + b"\r", b"\r", PUTNAM)
    assert (report.added, report.malformed) == (2, [])
    assert store.theorem(0).statement == "theorem two_and_two (n : ℕ) (h : n = 2) :\n  n + n = 4"
    assert store.theorem(0).header == "import Mathlib\n"


@pytest.mark.parametrize(
    ("ending", "proof"),
    [
        (":= by norm_num", "by norm_num"),
        (":= by\n  have h : 1 = 1 := rfl\n  exact h", "by\n  have h : 1 = 1 := rfl\n  exact h"),
        (":=\n  rfl -- so", "rfl"),
        (":= by sorry", None),
        (":= sorry", None),
        (":= by", None),
        (":= by\n  have h : 1 = 1 := sorry\n  exact h", None),
    ],
)
def test_a_statement_that_brings_a_proof_is_parted_from_it(
    tmp_path: Path, ending: str, proof: str | None
) -> None:
    claim = "theorem t (f := fun n : ℕ => n) : let m := f 1; m = 1"
    store, _ = imported(tmp_path, {**ROW, "name": "t", "formal_statement": f"{claim} {ending}"})
    assert store.theorem(0).statement == claim
    assert store.source_proof(0) == proof
    assert ("proof_length" in store.features_at(0).estimated) == (proof is None)


def test_rows_of_putnambench_come_in_for_evaluation_and_an_open_answer_is_a_fault(tmp_path: Path) -> None:
    closed = {
        **PUTNAM,
        "lean4_statement": PUTNAM["lean4_statement"].replace("sorry\n-- 4", "4"),
        "name": "closed",
    }
    store, report = imported(tmp_path, PUTNAM, closed)
    assert report.added == 2
    assert store.theorem(0).split == "test"
    assert store.theorem(0).header == "abbrev putnam_0000_a1_solution : ℕ := sorry\n"
    assert "putnam_0000_a1_solution" in (store.state(0).faulty or "")
    assert store.state(1).faulty is None


def test_rows_of_goedel_prover_v2_are_whole_files(tmp_path: Path) -> None:
    begun = "import Mathlib\n\nset_option maxHeartbeats 400000\n\nopen Nat Real\n\n"
    row = {
        "problem_id": "three",
        "lean4_code": f"{begun}/-- In words. -/\ntheorem three (n : ℕ) (h : n = 3) : n + 1 = 4 := by sorry",
    }
    store, report = imported(tmp_path, row, {"problem_id": "none", "lean4_code": "import Mathlib\n"})
    assert (report.added, len(report.malformed)) == (1, 1)
    (theorem,) = store.theorems([0])
    assert (theorem.name, theorem.split) == ("three", "test")
    assert theorem.statement == "theorem three (n : ℕ) (h : n = 3) : n + 1 = 4"
    assert theorem.header.split("\n")[:3] == [
        "import Mathlib",
        "set_option maxHeartbeats 400000",
        "open Nat Real",
    ]


def test_duplicates_and_shared_names_are_reported_by_row(tmp_path: Path) -> None:
    again = {
        **ROW,
        "name": "again",
        "formal_statement": "theorem again (k : ℕ) (g : k = 2) : k + k = 4 := by",
    }
    another = {**ROW, "formal_statement": "theorem two_and_two : 2 + 2 = 4 := by"}
    store, report = imported(tmp_path, ROW, again, ROW, another)
    assert (report.added, report.rows, len(store)) == (2, 4, 2)
    assert [(row.where.rpartition(":")[2], row.name) for row in report.duplicates] == [
        ("2", "again"),
        ("3", "two_and_two"),
    ]
    assert "`two_and_two`" in report.duplicates[0].reason
    (renamed,) = report.renamed
    assert store.theorem(1).name in renamed.reason


def test_contamination_is_reported_whichever_comes_first(tmp_path: Path) -> None:
    test_row = {**ROW, "name": "measured", "split": "test", "header": "import Mathlib\nopen Nat\n"}
    store, report = imported(tmp_path, ROW, test_row)
    assert [row.name for row in report.contaminated] == ["measured"]
    copy = written(tmp_path / "more.jsonl", {**ROW, "name": "copy", "header": ""})
    report = import_rows(store, read_dataset(copy, source="more"))
    assert [(row.name, report.added) for row in report.contaminated] == [("copy", 1)]
    assert "`measured`" in report.contaminated[0].reason


def test_a_file_that_cannot_be_read_is_invalid_input(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot read"):
        list(read_dataset(tmp_path / "none.jsonl", source="none"))


def test_families_come_in_with_what_is_held_out_for_evaluation(tmp_path: Path) -> None:
    with TheoremStore(tmp_path / "t.db", create=True) as store:
        rows = family_theorems(0, train=62, held_out=31, held_out_family=8)
        assert import_rows(store, rows).added == 101
        training = TrainingSet(store)
        assert len(training) == 62
        assert not any(store.source_proof(index) for index in range(101))


# Elaboration


def stated(name: str, claim: str, header: str = "") -> Theorem:
    return Theorem(
        name=name, statement=f"theorem {name} {claim}", header=header, source="mine", split="train"
    )


async def test_statements_that_do_not_elaborate_are_flagged_with_lean_s_words(
    tmp_path: Path, pool: LeanPool
) -> None:
    with TheoremStore(tmp_path / "t.db", create=True) as store:
        for each in (
            stated("good", "(n : Nat) : n = n"),
            stated("bad", "(n : Nat) : n = nosuch n"),
            stated("abroad", ": 1 = 1", "import NoSuchLibrary\n"),
            stated("torn", "(n : Nat : n = n"),
        ):
            store.add(each)
        seen: list[None] = []
        check = await check_store(store, pool, on_checked=lambda: seen.append(None))
        assert (check.checked, len(seen)) == (4, 4)
        assert [index for index, _ in check.refused] == [1, 3]
        assert "nosuch" in (store.state(1).not_elaborating or "")
        assert TrainingSet(store).indices.tolist() == [0, 2]
        # Without the library nobody knows: that one is asked about again.
        (reason,) = check.unknown
        assert "NoSuchLibrary" in reason
        assert not store.state(2).elaborated
        assert (await check_store(store, pool)).checked == 1


async def test_lean_is_asked_in_the_order_of_the_theorems(pool: LeanPool) -> None:
    theorems = [stated(f"t{n}", f": {n} = {n if n % 3 else 'nosuch n'}") for n in range(7)]
    said = [each async for each in elaborate_statements(theorems, pool)]
    assert [each.theorem for each in said] == theorems
    assert [each.message is None for each in said] == [n % 3 != 0 for n in range(7)]


# The command line


def test_a_store_is_filled_and_shown_from_the_command_line(tmp_path: Path) -> None:
    runner = CliRunner()
    store = str(tmp_path / "t.db")
    rows = written(tmp_path / "rows.jsonl", ROW, b"{", {**ROW, "name": "again"})
    (tmp_path / "lean").mkdir()
    (tmp_path / "lean" / "Toy.lean").write_text(
        "theorem lean_one (n : ℕ) (h : n = 2) : n + n = 4 := by simp [h]\n"
    )
    report = tmp_path / "report.json"
    result = runner.invoke(
        store_app,
        [
            *("import", str(rows), str(tmp_path / "lean"), "families", "--count", "62"),
            *("--store", store, "--report", str(report)),
        ],
    )
    assert result.exit_code == 2, result.output  # of the malformed row
    told = ImportReport.model_validate_json(report.read_text())
    assert (told.added, len(told.malformed), len(told.duplicates)) == (76, 1, 1)
    result = runner.invoke(store_app, ["import", str(tmp_path / "lean"), "--evaluation", "--store", store])
    assert result.exit_code == 0, result.output
    listed = runner.invoke(store_app, ["list", "--store", store]).stdout
    assert "lean train: 1 theorems for evaluation" in listed
    assert "families train: 62 theorems to train on" in listed
    assert "two_and_two: contaminated by `lean_one`" in listed
    shown = runner.invoke(store_app, ["show", "lean_one", "--store", store]).stdout
    assert "by simp [h]" in shown
    assert "dependency depth: 0 (estimated)" in shown
    assert "not trained on" in runner.invoke(store_app, ["show", "two_and_two", "--store", store]).stdout


@pytest.mark.parametrize(
    ("source", "complaint"),
    [("nowhere.jsonl", "nothing at"), ("rows.txt", "say so with --format"), ("rows.json", "--repository")],
)
def test_a_source_that_cannot_be_imported_is_refused(tmp_path: Path, source: str, complaint: str) -> None:
    if source != "nowhere.jsonl":
        (tmp_path / source).write_text("[]")
    result = CliRunner().invoke(
        store_app, ["import", str(tmp_path / source), "--store", str(tmp_path / "t.db")]
    )
    assert isinstance(result.exception, InvalidInput)
    assert complaint in str(result.exception)
