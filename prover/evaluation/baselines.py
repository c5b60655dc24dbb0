"""The baseline without a model: a fixed list of one-line tactics, chosen on training theorems."""

from collections.abc import Mapping, Set

from prover.families.header import FUNCTIONS

__all__ = ["CANDIDATES", "greedy_portfolio"]

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

CANDIDATES: tuple[str, ...] = tuple(
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
"""Proofs that name no variable, hypothesis or number of the statement, strongest generic tactics included."""


def greedy_portfolio(solved: Mapping[str, Set[str]], k: int) -> list[str]:
    """At most `k` tactics, each taken because it solves the most theorems that those before it do not.

    `solved` maps a tactic to the names of the training theorems it proves.  Ties
    go to the tactic that comes first in `solved`; the list ends early when no
    tactic adds a theorem.
    """
    chosen: list[str] = []
    covered: set[str] = set()
    while len(chosen) < k:
        best = max(solved, key=lambda tactic: len(solved[tactic] - covered), default=None)
        if best is None or not solved[best] - covered:
            break
        chosen.append(best)
        covered |= solved[best]
    return chosen
