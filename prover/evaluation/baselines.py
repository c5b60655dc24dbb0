"""Baselines without a model: portfolios, that is, lists of proofs which are the same for every theorem.

The first proof of a portfolio is its first attempt, and so on.  Two lists are here: the tactics that a run
chooses from for the families (`FAMILY_TACTICS`), and a portfolio for miniF2F (`MINIF2F_PORTFOLIO`).
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import contextmanager

from prover.evaluation.config import EvalConfig
from prover.evaluation.provers.base import Prover, Written
from prover.families.header import FUNCTIONS
from prover.formats.base import Answer, Failed, Problem
from prover.generators.registry import ENGINES
from verifier.errors import InvalidInput

__all__ = ["FAMILY_TACTICS", "MINIF2F_PORTFOLIO", "PortfolioProver", "greedy_portfolio", "open_portfolio"]

_ALL = ", ".join(FUNCTIONS)
_RULES = ", ".join(
    f"Nat.{name}"
    for name in (
        "mul_le_mul",
        "pow_le_pow_left",
        "dvd_add",
        "dvd_trans",
        "dvd_sub",
        "dvd_mul_right_of_dvd",
        "dvd_mul_left_of_dvd",
    )
)

FAMILY_TACTICS: tuple[str, ...] = tuple(
    f"by\n  {tactic}"
    for tactic in (
        "omega",
        "grind",
        "simp_all",
        "decide",
        "rfl",
        "simp +arith",
        "intros; simp_all; omega",
        "exact ⟨_, rfl⟩",
        "solve_by_elim",
        f"solve_by_elim [{_RULES}]",
        "apply Nat.mul_le_mul <;> grind",
        "intro h; have := h 1; simp_all",
        f"simp_all [{_ALL}] <;> omega",
        f"grind [{_ALL}]",
        f"induction ‹Nat› <;> simp_all [{_ALL}] <;> omega",
        f"induction ‹Nat› <;> grind [{_ALL}]",
        f"induction ‹List Nat› <;> simp_all [{_ALL}] <;> omega",
        f"induction ‹List Nat› <;> grind [{_ALL}]",
        f"induction ‹Tree› <;> simp_all [{_ALL}] <;> omega",
        f"induction ‹Tree› <;> grind [{_ALL}]",
    )
)
"""One-line tactics for theorems of the families, of which a run chooses its portfolio on training theorems.

They name no variable, hypothesis or number of a statement; the strongest generic tactics are among them.
"""

_ARITHMETIC = "Nat.pow_succ, Nat.mul_add, Nat.add_mul"

_INDUCTION = f"""by
  induction ‹Nat› with
  | zero => first | grind | simp_all
  | succ n ih =>
    have := Nat.lt_two_pow_self (n := n)
    first
    | grind
    | simp_all [{_ARITHMETIC}] <;> omega
    | cases n <;> simp_all [{_ARITHMETIC}] <;> omega"""

_TWO_NATURALS_BELOW_100 = """by
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

_RESIDUES_OF_AN_INTEGER = """by
  rename Int => a
  have three : a % 3 = 0 ∨ a % 3 = 1 ∨ a % 3 = 2 := by omega
  have four : a % 4 = 0 ∨ a % 4 = 1 ∨ a % 4 = 2 ∨ a % 4 = 3 := by omega
  rcases three with h | h | h <;> rcases four with h' | h' | h' | h' <;>
    simp [Int.pow_succ, Int.mul_emod, Int.add_emod, Int.sub_emod, h, h']"""

_REMAINDERS = "by simp [Int.add_emod, Int.pow_succ, Int.mul_emod, Nat.add_mod, Nat.pow_succ, Nat.mul_mod, *]"

_TWO_INTEGERS_FROM_0_TO_99 = """by
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

_NATURAL_BELOW_100 = f"""by
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

MINIF2F_PORTFOLIO: tuple[str, ...] = (
    "by grind",
    _INDUCTION,
    _TWO_NATURALS_BELOW_100,
    _RESIDUES_OF_AN_INTEGER,
    "by decide +kernel",
    _REMAINDERS,
    _TWO_INTEGERS_FROM_0_TO_99,
    _NATURAL_BELOW_100,
)
"""Eight proofs for statements such as miniF2F's, the one that adds the most to those before it first.

They name nothing of a statement, so they find its variables by their types.  Chosen and put in order
greedily on the 54 statements of miniF2F's valid split that core Lean reads, of which they prove 39
(docs/experiments.md); no statement of the test split was looked at.
"""


class PortfolioProver:
    """Answers every theorem with the proofs of a portfolio, in their order."""

    in_order = True

    def __init__(self, proofs: Sequence[str] = MINIF2F_PORTFOLIO) -> None:
        self._proofs = tuple(proofs)

    @property
    def fingerprint(self) -> dict[str, str]:
        digest = hashlib.sha256("\n".join(self._proofs).encode()).hexdigest()
        return {"generator": "portfolio", "proofs_sha256": digest}

    def answers(self, problems: Sequence[Problem], samples: int) -> list[list[Written]]:
        if samples > len(self._proofs):
            raise InvalidInput(f"the portfolio has {len(self._proofs)} proofs: ask for no more --samples")
        return [[Written(proof) for proof in self._proofs[:samples]] for _ in problems]

    def second_thoughts(self, failed: Sequence[Failed], round: int) -> list[Written]:
        raise InvalidInput("the portfolio learns nothing from Lean's complaints: leave --repairs at 0")

    def read(self, text: str) -> Answer:
        return Answer(proof=text)


@contextmanager
def open_portfolio(config: EvalConfig) -> Iterator[Prover]:
    """The fixed list of proofs, which reads nothing of the settings.

    Raises:
        InvalidInput: they name a model, or how to ask it.
    """
    for name in ("model", "format"):
        if name in config.model_fields_set:
            raise InvalidInput(
                f"{name}: a portfolio is a fixed list of proofs and asks no model: say which engine samples "
                f"from one (--generator, one of {', '.join(ENGINES)}), or leave {name} out"
            )
    yield PortfolioProver()


def greedy_portfolio(solved: Mapping[str, Set[str]], k: int) -> list[str]:
    """The portfolio of at most `k` proofs, each taken because it solves the most that those before it do not.

    `solved` maps a proof to the names of the training theorems it proves.  Ties
    go to the proof that comes first in `solved`; the list ends early when none
    adds a theorem.
    """
    chosen: list[str] = []
    covered: set[str] = set()
    while len(chosen) < k:
        best = max(solved, key=lambda proof: len(solved[proof] - covered), default=None)
        if best is None or not solved[best] - covered:
            break
        chosen.append(best)
        covered |= solved[best]
    return chosen
