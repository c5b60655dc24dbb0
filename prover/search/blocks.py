"""Eight blocks of tactics for statements such as miniF2F's; each adds the most to those before it.

They name nothing of a statement, so they find its variables by their types.  Chosen and put in order greedily
on the 54 statements of miniF2F's valid split that core Lean reads, of which they prove 39
(docs/experiments.md); no statement of the test split was looked at.
"""

from textwrap import indent

__all__ = ["MINIF2F_BLOCKS", "as_proof", "as_tactic"]

_ARITHMETIC = "Nat.pow_succ, Nat.mul_add, Nat.add_mul"

_INDUCTION = f"""\
induction ‹Nat› with
| zero => first | grind | simp_all
| succ n ih =>
  have := Nat.lt_two_pow_self (n := n)
  first
  | grind
  | simp_all [{_ARITHMETIC}] <;> omega
  | cases n <;> simp_all [{_ARITHMETIC}] <;> omega"""

_TWO_NATURALS_BELOW_100 = """\
try subst_vars
rename Nat => y
revert y
rename Nat => x
intro y
intros
obtain ⟨x, rfl⟩ : ∃ k : Fin 100, k.val = x := ⟨⟨x, by first | omega | grind⟩, rfl⟩
obtain ⟨y, rfl⟩ : ∃ k : Fin 100, k.val = y := ⟨⟨y, by first | omega | grind⟩, rfl⟩
revert x y
decide +kernel"""

_RESIDUES_OF_AN_INTEGER = """\
rename Int => a
have three : a % 3 = 0 ∨ a % 3 = 1 ∨ a % 3 = 2 := by omega
have four : a % 4 = 0 ∨ a % 4 = 1 ∨ a % 4 = 2 ∨ a % 4 = 3 := by omega
rcases three with h | h | h <;> rcases four with h' | h' | h' | h' <;>
  simp [Int.pow_succ, Int.mul_emod, Int.add_emod, Int.sub_emod, h, h']"""

_REMAINDERS = "simp [Int.add_emod, Int.pow_succ, Int.mul_emod, Nat.add_mod, Nat.pow_succ, Nat.mul_mod, *]"

_TWO_INTEGERS_FROM_0_TO_99 = """\
rename Int => y
revert y
rename Int => x
intro y
intros
have := Int.mul_nonneg (show 0 ≤ x by omega) (show 0 ≤ y by omega)
obtain ⟨x, rfl⟩ : ∃ k : Fin 100, (k.val : Int) = x :=
  ⟨⟨x.toNat, by first | omega | grind⟩, by simp; omega⟩
obtain ⟨y, rfl⟩ : ∃ k : Fin 100, (k.val : Int) = y :=
  ⟨⟨y.toNat, by first | omega | grind⟩, by simp; omega⟩
revert x y
decide +kernel"""

_NATURAL_BELOW_100 = f"""\
rename Nat => x
have bound : x < 100 := by
  false_or_by_contra
  have := Nat.mul_le_mul (show 100 ≤ x by omega) (show 100 ≤ x by omega)
  simp_all [{_ARITHMETIC}]
  try omega
obtain ⟨x, rfl⟩ : ∃ k : Fin 100, k.val = x := ⟨⟨x, bound⟩, rfl⟩
clear bound
revert x
decide +kernel"""

MINIF2F_BLOCKS: tuple[str, ...] = (
    "grind",
    _INDUCTION,
    _TWO_NATURALS_BELOW_100,
    _RESIDUES_OF_AN_INTEGER,
    "decide +kernel",
    _REMAINDERS,
    _TWO_INTEGERS_FROM_0_TO_99,
    _NATURAL_BELOW_100,
)


def as_proof(block: str) -> str:
    """The proof that is this block."""
    return f"by\n{indent(block, '  ')}" if "\n" in block else f"by {block}"


def as_tactic(block: str) -> str:
    """One tactic that is this block."""
    return f"({block.replace(chr(10), chr(10) + ' ')})" if "\n" in block else block
