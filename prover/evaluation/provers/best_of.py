"""The best of a prover's answers, as a ranker says."""

from collections.abc import Callable, Sequence

from prover.evaluation.provers.base import Prover, Written
from prover.formats.base import Answer, Failed, Problem
from verifier.errors import InvalidInput

__all__ = ["BestOf", "Scorer"]

Scorer = Callable[[Problem, Sequence[str]], Sequence[float]]
"""How likely each answer is to be a proof; only differences between answers to one problem mean anything."""


class BestOf:
    """Of so many answers of another prover, those with the highest scores: the others cost no Lean call."""

    in_order = True

    def __init__(self, prover: Prover, scorer: Scorer, candidates: int, ranker: dict[str, str]) -> None:
        """`ranker` says what the scores are from."""
        self._prover = prover
        self._scorer = scorer
        self._candidates = candidates
        self._ranker = ranker

    @property
    def answers_alone(self) -> bool:
        return self._prover.answers_alone

    @property
    def fingerprint(self) -> dict[str, str]:
        return {**self._prover.fingerprint, **self._ranker, "candidates": str(self._candidates)}

    def answers(self, problems: Sequence[Problem], samples: int) -> list[list[Written]]:
        if samples > self._candidates:
            raise InvalidInput(f"of {self._candidates} candidates no {samples} can be chosen: ask for more")
        written = self._prover.answers(problems, self._candidates)
        return [
            self._rank(problem, found)[:samples] for problem, found in zip(problems, written, strict=True)
        ]

    def second_thoughts(self, failed: Sequence[Failed], round: int) -> list[Written]:
        return self._prover.second_thoughts(failed, round)

    def read(self, text: str) -> Answer:
        return self._prover.read(text)

    def _rank(self, problem: Problem, written: Sequence[Written]) -> list[Written]:
        """By score, the first of equals first; what says the same as a better one stands at the end."""
        scores = self._scorer(problem, [answer.text for answer in written])
        ranked = [
            answer for _, answer in sorted(zip(scores, written, strict=True), key=lambda pair: -pair[0])
        ]
        distinct: dict[str, Written] = {}
        repeated = []
        for answer in ranked:
            if answer.text in distinct:
                repeated.append(answer)
            distinct.setdefault(answer.text, answer)
        return [*distinct.values(), *repeated]
