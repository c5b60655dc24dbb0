"""Definitions in headers: read by every Lean, whether it can compile them or not."""

import pytest

from verifier.judging.pool import LeanPool
from verifier.verdict import Status, Submission

LEAN = """\
--- length
def size (xs : List Nat) := xs.length + 1
--- map and foldl
def f (xs : List Nat) : Nat := (xs.map (· + 1)).foldl (· + ·) 0
--- arrays
def f (xs : Array Nat) : Nat := (xs.map (· + 1)).foldl (· + ·) xs.toList.length
--- subarrays and ranges
def f (n : Nat) : Nat := Id.run do
  let mut s := 0
  for i in [0:n] do
    s := s + i
  return s
--- strings
def f (n : Nat) : String := s!"{n}" ++ String.join ["a", toString [n]]
def g (s : String) := s.toList
--- let rec
def f (xs : List Nat) : List Nat :=
  let rec walk (i : Nat) (acc : List Nat) : List Nat :=
    if i < xs.length then walk (i + 1) (xs[i]! :: acc) else acc
  termination_by xs.length - i
  (walk 0 []).reverse.take 5
--- where
def f (xs : List Nat) : Nat := go xs.reverse 0 where
  go : List Nat → Nat → Nat
  | [], n => n
  | x :: r, n => go r (n + x)
--- termination and decreasing
def f (n : Nat) : List Nat := if h : n = 0 then [] else f (n / 2) ++ [n]
termination_by n
decreasing_by omega
--- mutual
mutual
def a : Nat → List Nat
  | 0 => []
  | n + 1 => b n ++ [n]
def b : Nat → List Nat
  | 0 => []
  | n + 1 => a n
end
--- deriving
inductive C | red | green deriving Repr, DecidableEq, BEq, Hashable, Ord, Inhabited
structure P where
  x : Nat
  y : List Nat
deriving Repr, DecidableEq, BEq, Hashable, Inhabited
inductive T (α : Type) | leaf | node (l r : T α) (k : α) deriving Repr, DecidableEq, BEq, Ord
--- instances
instance : Add (List Nat) := ⟨fun a b => a.zipWith (· + ·) b⟩
instance : Inhabited (Nat → Array Nat) := ⟨fun n => Array.range n⟩
local instance : Mul (List Nat) where mul a b := a.flatMap fun x => b.map (x * ·)
--- a class
class Q (α : Type) where
  q : α → List α
  qq (a : α) : List α := (q a).map id
instance : Q Nat where q n := [n]
--- string literals
def tag (s : String) : Nat :=
  match s with
  | "open" => 1
  | _ => 0
--- partial and unsafe
partial def f (xs : List Nat) : List Nat := f (xs.map (· + 1))
unsafe def g (xs : List Nat) := xs.length
--- implemented by another
def g (xs : List Nat) := xs.length
@[implemented_by g] def f (xs : List Nat) : Nat := xs.length
--- marked
@[simp, inline] def f (xs : List Nat) := xs.length
@[reducible, specialize] def g (p : Nat → Bool) (xs : List Nat) :=
  xs.filter p
--- opaque
opaque f : List Nat → Nat
opaque g (xs : List Nat) : Nat := xs.length
--- noncomputable
noncomputable section
def f (xs : List Nat) := xs.length
end
noncomputable def g : Nat := Classical.choice ⟨1⟩
--- in a namespace
namespace A
section
variable (xs : List Nat)
def f := xs.length
end
protected def g := [1].length
end A
open A
--- syntax
syntax "twice " term : term
macro_rules | `(twice $x) => `($x + $x)
macro "easy" : tactic => `(tactic| first | rfl | omega)
--- notation
notation "⟪" x "⟫" => List.length x
infixr:67 " ⊕⊕ " => List.append
local notation "𝕟" => List Nat
--- theorems
def f (xs : List Nat) := xs.length + 1
@[simp] theorem f_nil : f [] = 1 := rfl
example : f [1] = 2 := by decide
"""

HEADERS = dict(part.split("\n", 1) for part in LEAN.removeprefix("--- ").split("\n--- "))
"""Definitions of each kind."""


@pytest.mark.parametrize("kind", HEADERS)
async def test_a_header_is_read_whether_or_not_its_definitions_compile(pool: LeanPool, kind: str) -> None:
    found = await pool.statement("theorem t : 1 + 1 = 2", HEADERS[kind])
    assert (found.error, found.statement_error, found.goal.strip()) == (None, None, "⊢ 1 + 1 = 2")


async def test_what_a_header_defines_can_be_reduced(pool: LeanPool) -> None:
    header = f"{HEADERS['map and foldl']}\n{HEADERS['string literals']}\n{HEADERS['deriving']}"
    statement = 'theorem t : f [1, 2] = 5 ∧ tag "open" = 1 ∧ C.red ≠ C.green'
    verdict = await pool.verify(
        Submission(id="s", header=header, statement=statement, proof="⟨rfl, rfl, by decide⟩")
    )
    assert verdict.status == Status.PROVED, verdict.reason


@pytest.mark.parametrize(
    "header", ['def f : Nat := "x"', "def f (xs : List Nat) := xs.nosuch", "theorem f : 1 = 2 := rfl"]
)
async def test_a_header_that_is_wrong_is_not_read(pool: LeanPool, header: str) -> None:
    verdict = await pool.verify(Submission(id="s", header=header, statement="theorem t : 1 = 1", proof="rfl"))
    assert verdict.status == Status.INFRA_ERROR and "line 1" in verdict.reason
