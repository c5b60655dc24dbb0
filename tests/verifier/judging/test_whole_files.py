"""Submitted files that bring the header along: what is the header's counts, what looks like it does not."""

import pytest

from verifier.judging.pool import LeanPool
from verifier.verdict import Status, Submission

SOLUTION = "abbrev t_solution : Nat := 4"
SIZE = "def size (xs : List Nat) : Nat := xs.length + 1"
SUCC = "def f (x : Nat) : Nat := x + 1"
GEOMETRY = "namespace Geo\n\ndef twice (x : Nat) : Nat := x + x\nvariable (n : Nat)"
CLOSED = "import Lean\nopen Lean\nnamespace Geo\ndef f (n : Nat) := n + 1\nend Geo\nopen Geo"
NOTATION = 'set_option autoImplicit false\nlocal notation "ℕ" => Nat\nlocal notation "ℤ" => Int'
TREE = """structure P where
  x : Nat
  y : Nat
  deriving DecidableEq

inductive T where
  | leaf
  | node (l r : T)

def T.size : T → Nat
  | .leaf => 1
  | .node l r => l.size + r.size"""

HONEST = {
    "an answer put in": (SOLUTION, "theorem t : 2 + 2 = t_solution", "rfl"),
    "notations and an option": (NOTATION, "theorem t (a b : ℕ) : a + b = b + a", "by omega"),
    "an open namespace": (GEOMETRY, "theorem t : twice n = n + n", "rfl"),
    "a closed namespace": (CLOSED, "theorem t : f 2 = 3", "rfl"),
    "types": (TREE, "theorem t (a : P) : (T.node .leaf .leaf).size = 2 ∧ a = ⟨a.x, a.y⟩", "⟨rfl, rfl⟩"),
    "an axiom that is not used": ("axiom magic : 1 + 1 = 2", "theorem t : 1 + 1 = 2", "rfl"),
    "universes": (
        "universe u v\nvariable {α : Type u} [Inhabited α]",
        "theorem t : ∃ x : α, x = x",
        "⟨default, rfl⟩",
    ),
    "something private": ("private def secret : Nat := 7", "theorem t : secret = 7", "rfl"),
}


async def status_of(pool: LeanPool, header: str, statement: str, code: str) -> tuple[Status, str]:
    verdict = await pool.verify(Submission(id="x", header=header, statement=statement, code=code))
    return verdict.status, verdict.reason


@pytest.mark.parametrize("kind", HONEST)
async def test_a_file_may_repeat_the_header_or_go_on_from_it(pool: LeanPool, kind: str) -> None:
    header, statement, proof = HONEST[kind]
    theorem = f"{statement} := {proof}"
    comments = header.replace("\n", "  -- words\n", 1)
    for code in (theorem, f"{header}\n\n{theorem}", f"/- a licence -/\n{comments}\n{theorem}"):
        status, reason = await status_of(pool, header, statement, code)
        assert status is Status.PROVED, reason


POINT = "structure Pt where\n  x : Nat\n  y : Nat"
ADD = "instance : Add Pt := ⟨fun p q => ⟨p.x + q.x, p.y + q.y⟩⟩"

PARTLY = {
    "one notation of two": (NOTATION, 'local notation "ℕ" => Nat\n\ntheorem t (a b : ℕ) : a + b = b + a'),
    "a notation with a comment": (
        'local notation "ℕ" => Nat',
        '/-- numbers -/\nlocal notation:max "ℕ" => Nat\n\ntheorem t (a b : ℕ) : a + b = b + a',
    ),
    "a variable made a binder": (
        f"namespace Geo\n\n{POINT}\n\nvariable (a b : Nat)",
        f"namespace Geo\n\n{POINT}\n\ntheorem t (a b : Nat) : a + b = b + a",
    ),
    "an instance written otherwise": (
        f"{POINT}\n\n{ADD}",
        f"{POINT}\n\n/-- add -/\ninstance :\n    Add Pt := ⟨fun p q => ⟨p.x + q.x, p.y + q.y⟩⟩\n\n"
        "theorem t (a b : Nat) : a + b = b + a",
    ),
    "a definition that is not needed left out": (
        "def one : Nat := 1\ndef two : Nat := 2",
        "def two : Nat := 2\ntheorem t (a b : Nat) : a + b = b + a",
    ),
    "namespaces joined": (
        "namespace A\nnamespace B\ndef one : Nat := 1",
        "namespace A.B\ndef one : Nat := 1\ntheorem t (a b : Nat) : a + b = b + a",
    ),
    "a dotted name for a namespace": (
        "namespace A\ndef one : Nat := 1\nend A",
        "def A.one : Nat := 1\ntheorem t (a b : Nat) : a + b = b + a",
    ),
    "a namespace of the header opened again": (
        "namespace A\ndef one : Nat := 1\nend A",
        "namespace A\nexample : one = 1 := rfl\nend A\ntheorem t (a b : Nat) : a + b = b + a",
    ),
}


@pytest.mark.parametrize("kind", PARTLY)
async def test_a_file_may_repeat_a_part_of_the_header_in_its_own_words(pool: LeanPool, kind: str) -> None:
    header, file = PARTLY[kind]
    statement = file[file.index("theorem t") :]
    status, reason = await status_of(pool, header, statement, f"{file} := by omega")
    assert status is Status.PROVED, reason


@pytest.mark.parametrize(
    ("header", "statement", "code", "expected"),
    [
        (
            SOLUTION,
            "theorem t : 2 + 3 = t_solution",
            "abbrev t_solution : Nat := 5",
            Status.STATEMENT_MISMATCH,
        ),
        (
            SIZE,
            "theorem t : size [] = 0",
            "def size (xs : List Nat) : Nat := xs.length",
            Status.STATEMENT_MISMATCH,
        ),
        (SUCC, "theorem t : f 1 = 2", "def f : Nat → Nat := fun y => Nat.succ y", Status.PROVED),
    ],
)
async def test_a_definition_of_the_files_own_counts_only_if_it_unfolds_to_the_headers(
    pool: LeanPool, header: str, statement: str, code: str, expected: Status
) -> None:
    status, reason = await status_of(pool, header, statement, f"{code}\n{statement} := rfl")
    assert status is expected, reason
    if status is Status.STATEMENT_MISMATCH:
        assert "is not the statement's" in reason


async def test_an_axiom_of_the_header_is_that_one_only_with_what_it_says(pool: LeanPool) -> None:
    header, statement = "axiom magic : 1 + 1 = 2", "theorem t : 1 + 1 = 3"
    limits = pool.options.but(allowed_axioms=frozenset({"magic"}))
    own = f"axiom magic : 1 + 1 = 3\n{statement} := magic"
    verdict = await pool.verify(Submission(id="x", header=header, statement=statement, code=own), limits)
    assert (verdict.status, verdict.reason) == (Status.DISALLOWED_AXIOM, "`t` depends on `magic`")
    # Below the root of what is renamed a name of that root could be taken for the header's.
    number = '(Name.str (.num (.str .anonymous "submitted") 0) "magic")'
    dressed = (
        "import Lean\nopen Lean Elab Term Command\n"
        'elab "plant" : command => do\n'
        f"  let name : Name := {number}\n"
        "  let type := Lean.mkConst ``False\n"
        "  let axiom_ : AxiomVal := { name, levelParams := [], type, isUnsafe := false }\n"
        "  match (← getEnv).addDeclCore 0 (.axiomDecl axiom_) none with\n"
        "  | .ok env => setEnv env\n  | .error _ => pure ()\n"
        f'elab "planted" : term => return Lean.mkConst {number}\n'
        "plant\n"
        f"{statement} := (planted : False).elim"
    )
    asked = Submission(id="x", header=f"import Lean\n{header}", statement=statement, code=dressed)
    verdict = await pool.verify(asked, limits)
    assert verdict.status is Status.DISALLOWED_AXIOM, verdict.reason
    true = statement.replace("3", "2")
    repeated = f"{header}\n{true} := magic"
    verdict = await pool.verify(Submission(id="x", header=header, statement=true, code=repeated), limits)
    assert verdict.status is Status.PROVED, verdict.reason


async def test_an_import_that_the_header_does_not_bring_is_named(pool: LeanPool) -> None:
    theorem = "theorem t : 1 = 1"
    status, reason = await status_of(pool, "", theorem, f"import Lean.Elab.Command\n{theorem} := rfl")
    assert status is Status.REJECTED
    assert "`Lean.Elab.Command` is not among what the header imports" in reason
    status, _ = await status_of(pool, "import Lean", theorem, f"import Lean.Elab.Command\n{theorem} := rfl")
    assert status is Status.PROVED


async def test_a_line_in_a_string_is_no_import(pool: LeanPool) -> None:
    statement = 'theorem t : "a\nimport Init\nb".length = 15'
    assert (await status_of(pool, "", statement, f"{statement} := rfl"))[0] is Status.PROVED
