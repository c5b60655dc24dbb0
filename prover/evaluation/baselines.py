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
from prover.search.blocks import MINIF2F_BLOCKS, as_proof
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

MINIF2F_PORTFOLIO: tuple[str, ...] = tuple(map(as_proof, MINIF2F_BLOCKS))
"""Eight proofs for statements such as miniF2F's, in order (`prover/search/blocks.py`)."""


class PortfolioProver:
    """Answers every theorem with the proofs of a portfolio, in their order."""

    in_order = True
    answers_alone = True

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
