"""The command line as a user meets it, each command in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from verifier import __version__
from verifier.lean.runtime import LeanRuntime
from verifier.server.auth import KeyRing

pytestmark = pytest.mark.e2e


def proofmill(
    *arguments: str | Path, timeout: float = 120, typed: str | None = None
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "trainer.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False, input=typed)


@pytest.fixture
def rows(tmp_path: Path, lean_runtime: LeanRuntime) -> Path:
    file = tmp_path / "rows.jsonl"
    lines = [
        json.dumps({"id": "good", "statement": "theorem t : 1 = 1", "proof": "rfl", "must": ["proved"]}),
        '{"id": "broken"',
        json.dumps(
            {"id": "unknown-field", "statement": "theorem t : 1 = 1", "proof": "rfl", "colour": "red"}
        ),
        json.dumps({"id": "no-statement", "statement": "theorem t : 1 = ", "proof": "rfl"}),
        json.dumps({"id": "empty", "statement": "theorem t : 1 = 1", "proof": ""}),
        json.dumps({"id": "huge", "statement": "theorem t : 1 = 1", "proof": "by " + "skip; " * 900_000}),
        json.dumps({"id": "last", "statement": "theorem t : 1 = 1", "proof": "by rfl"}),
    ]
    file.write_bytes("\n".join(lines).encode() + b'\n{"id": "\xff"}\n')
    return file


def test_the_version_is_printed_alone() -> None:
    assert proofmill("--version").stdout == f"{__version__}\n"


def test_a_theorem_is_proved_by_what_is_typed(lean_runtime: LeanRuntime) -> None:
    statement = "theorem t (p q : Prop) (hp : p) (hq : q) : p ∧ q"
    typed = "constructor\nnonsense\nexact hp\nundo\n\ngoal 2\nexact hq\nexact hp\n"
    proved = proofmill("tactic", statement, typed=typed)
    assert proved.returncode == 0, proved.stderr
    assert proved.stdout.endswith("by\n  constructor\n  · exact hp\n  · exact hq\n")
    assert "-- goal 1 of 2 (the next tactic is for this one)\ncase left" in proved.stdout
    assert "unknown tactic" in proved.stderr and "proved: " in proved.stderr
    for given, said in ((statement, "not proved: 1 goal is left"), ("theorem t : nonsense", "nonsense")):
        left = proofmill("tactic", given, typed="constructor\nexact hp\n")
        assert left.returncode == 1 and said in left.stderr


def test_verify_judges_every_good_row_and_names_the_bad_lines(rows: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    ran = proofmill("verify", rows, "--out", out)
    assert ran.returncode == 2
    assert "Traceback" not in ran.stderr
    for complaint in (
        "rows.jsonl:2: malformed JSON",
        "rows.jsonl:3: unknown field `colour`",
        "rows.jsonl:8:",
    ):
        assert complaint in ran.stderr
    verdicts = {row["id"]: row for row in map(json.loads, out.read_text("utf-8").splitlines())}
    assert {name: row["status"] for name, row in verdicts.items()} == {
        "good": "proved",
        "no-statement": "rejected",
        "empty": "rejected",
        "huge": "rejected",
        "last": "proved",
    }
    assert "statement does not elaborate" in verdicts["no-statement"]["reason"]
    assert verdicts["good"]["as_expected"] is True


def test_what_was_proved_is_kept_and_audited_again_and_a_change_is_named(
    tmp_path: Path, lean_runtime: LeanRuntime
) -> None:
    file, kept = tmp_path / "rows.jsonl", tmp_path / "kept"
    magic = {"statement": "theorem t : 1 = 2", "code": "axiom magic : 1 = 2\ntheorem t : 1 = 2 := magic"}
    rows = [
        {"id": "good", "statement": "theorem t : 1 = 1", "proof": "rfl"},
        {"id": "wrong", "statement": "theorem t : 1 = 2", "proof": "rfl"},
        {"id": "magic", **magic},
    ]
    file.write_text("\n".join(map(json.dumps, rows)))
    ran = proofmill("verify", file, "--keep-certificates", kept, "--allow-axiom", "magic")
    verdicts = {row["id"]: row for row in map(json.loads, ran.stdout.splitlines())}
    assert [verdicts[name]["status"] for name in ("good", "wrong", "magic")] == [
        "proved",
        "rejected",
        "proved",
    ]
    assert verdicts["magic"]["certificate"]["axioms"] == ["magic"]
    assert proofmill("audit", kept).returncode == 0

    (tampered, _) = sorted(kept.glob("*.json"))
    tampered.write_text(
        tampered.read_text("utf-8").replace("theorem t : 1 =", "theorem t : 0 + 1 ="), "utf-8"
    )
    ran = proofmill("audit", kept)
    assert ran.returncode == 1
    assert tampered.name in ran.stderr and "1 of 2 certificates hold" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_key_is_printed_once_and_its_hash_is_what_serve_reads(tmp_path: Path) -> None:
    file = tmp_path / "keys.toml"
    made = {}
    for name in ("alice", 'bob "λ" \\'):
        ran = proofmill("key", name)
        with file.open("a") as lines:
            lines.write(ran.stdout)
        made[name] = ran.stderr.split()[-1]
    ring = KeyRing.read(file)
    assert [ring.name_of(key) for key in made.values()] == list(made)
    assert not any(key in file.read_text() for key in made.values())


def test_serve_listens_beyond_this_machine_only_with_keys(tmp_path: Path) -> None:
    ran = proofmill("serve", "--host", "0.0.0.0")
    assert ran.returncode == 2 and "--keys" in ran.stderr
    ran = proofmill("serve", "--keys", tmp_path / "nowhere.toml")
    assert ran.returncode == 2 and "cannot be read" in ran.stderr


def test_verify_of_a_file_that_is_not_there_says_so() -> None:
    ran = proofmill("verify", "/nowhere/rows.jsonl")
    assert ran.returncode == 2
    assert "cannot read /nowhere/rows.jsonl" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_verify_does_not_overwrite_its_input(rows: Path) -> None:
    before = rows.read_bytes()
    ran = proofmill("verify", rows, "--out", rows)
    assert ran.returncode == 2
    assert "name another file" in ran.stderr
    assert rows.read_bytes() == before


def test_verify_names_a_place_it_cannot_write_before_it_judges(rows: Path, tmp_path: Path) -> None:
    ran = proofmill("verify", rows, "--out", tmp_path / "nowhere" / "out.jsonl")
    assert ran.returncode == 2
    assert "cannot write" in ran.stderr and "judged" not in ran.stderr


def test_doctor_finds_what_the_main_job_needs(lean_runtime: LeanRuntime) -> None:
    ran = proofmill("doctor")
    assert ran.returncode == 0, ran.stderr
    assert lean_runtime.version in ran.stderr


def test_lean_install_does_nothing_when_it_is_there(lean_runtime: LeanRuntime) -> None:
    ran = proofmill("lean", "install")
    assert ran.returncode == 0
    assert "is already in" in ran.stderr


def test_settings_that_cannot_work_are_refused_before_anything_starts(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("iterations = 0\ncolour = 'red'\n[sampling]\ntemperature = 0.5\n")
    ran = proofmill("demo", "--config", config, "--out", tmp_path / "run")
    assert ran.returncode == 2
    for complaint in ("iterations", "colour"):
        assert complaint in ran.stderr
    assert not (tmp_path / "run").exists()
