"""Self-play: a model writes statements near one that stays unsolved, and is rewarded for their difficulty.

After the Self-play Theorem Prover (STP, Dong and Ma 2025, arXiv 2502.00212), where a conjecture is a target
for the conjecturer if the present prover proves it seldom: in some of its attempts, but in fewer than a
quarter.  Of these the fifth with the shortest proofs for the length of the statement is left out, since a
long statement with a short proof is padded.  Thresholds as in the authors' released code.

Left out: STP gives the conjecturer a *proved* theorem, its proof and a lemma of it that the conjecture's own
proof must use; here it sees the unsolved theorem alone, and any proof counts.  STP weighs what it selects by
optimal transport between embeddings, so that conjectures do not drift from the unsolved theorems; here
nothing does.  Its supervised start on pairs of library theorems, and its last training from the start, are
for those who train.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from prover.conjectures.base import How, Proposal, Unsolved, make_proposal
from prover.generators.base import Generator, Sample, SamplingParams, sample_each
from prover.syntax.normalise import normalise
from prover.syntax.signature import parse_signature
from prover.syntax.tokens import find_definition_sign, tokens_of
from prover.theorem import Theorem
from verifier.errors import InvalidInput

__all__ = [
    "DROPPED_AS_PADDED",
    "HARD_BELOW",
    "AttemptedConjecture",
    "Conjecturer",
    "conjecture_prompt",
    "difficulty_reward",
    "parse_conjecture",
    "reward_conjectures",
    "training_pairs",
]

HARD_BELOW = 0.25
"""The pass rate from which on a conjecture is too easy to be rewarded."""

DROPPED_AS_PADDED = 0.2
"""The share of hard conjectures that have the shortest proofs for their length, and get no reward."""


@dataclass(frozen=True, slots=True)
class AttemptedConjecture:
    """A conjecture with what came of the present prover's attempts at it.  Unknown verdicts do not count."""

    conjecture: Proposal
    proved: int
    refuted: int
    shortest_proof: str = ""

    @property
    def pass_rate(self) -> float | None:
        decided = self.proved + self.refuted
        return self.proved / decided if decided else None


class Conjecturer:
    """A proposer that asks a generator; the same weights and sampling give the same proposals."""

    def __init__(self, generator: Generator, sampling: SamplingParams) -> None:
        self.generator = generator
        self.sampling = sampling

    def propose(self, unsolved: Sequence[Unsolved]) -> list[Proposal]:
        """Propose what the generator writes for the theorems, as far as it is another statement."""
        prompts: list[tuple[Theorem, str]] = []
        for seed in unsolved:
            try:
                prompts.append((seed.theorem, conjecture_prompt(seed.theorem)))
            except InvalidInput:
                continue  # without a signature there is nothing to show
        written = sample_each(self.generator, [prompt for _, prompt in prompts], self.sampling)
        conjectures: dict[str, Proposal] = {}
        for (theorem, _), samples in zip(prompts, written, strict=True):
            # A prompt that leaves no room for a conjecture has no samples.
            for sample in samples if isinstance(samples, list) else ():
                if (conjecture := parse_conjecture(theorem, sample)) is not None:
                    conjectures.setdefault(conjecture.theorem.name, conjecture)
        return list(conjectures.values())


def conjecture_prompt(theorem: Theorem) -> str:
    """The text a conjecturer continues: the statement without its name, and a second `theorem`.

    It starts with a word that no prompt for a proof starts with, so one policy may play both roles.
    Raises InvalidInput when the statement has no signature.
    """
    return f"theorem {_without_name(theorem)}\ntheorem "


def parse_conjecture(theorem: Theorem, sample: Sample) -> Proposal | None:
    """The statement with which a sample continues the theorem's prompt.

    None where it was cut off, is no statement, or says the same as the theorem.  A proof after `:=` is
    ignored, and so is a theorem after the first.
    """
    text = sample.text.partition("\ntheorem")[0]
    tokens = tokens_of(text)
    sign = find_definition_sign(tokens)
    if sign is None and not sample.finished and "\ntheorem" not in sample.text:
        return None
    written = text if sign is None else text[: tokens[sign].start]
    seed = parse_signature(theorem.statement)
    try:
        signature = parse_signature(f"theorem {seed.name}{seed.universes} {written}")
    except InvalidInput:
        return None
    if normalise(signature.text) == normalise(theorem.statement):
        return None
    return make_proposal(theorem, signature, How.CONJECTURE)


def difficulty_reward(pass_rate: float | None) -> float | None:
    """1 for a pass rate above 0 and below `HARD_BELOW`, else 0; None where nothing was decided."""
    return None if pass_rate is None else float(0 < pass_rate < HARD_BELOW)


def reward_conjectures(attempted: Sequence[AttemptedConjecture]) -> list[float | None]:
    """The rewards of conjectures: those of `difficulty_reward`, but 0 for the padded among the hard ones."""
    difficulty = [difficulty_reward(row.pass_rate) for row in attempted]
    ratios = [len(row.shortest_proof) / len(row.conjecture.theorem.statement) for row in attempted]
    hard = sorted(ratio for ratio, reward in zip(ratios, difficulty, strict=True) if reward == 1)
    least = hard[int(len(hard) * DROPPED_AS_PADDED)] if hard else 0.0
    return [
        0.0 if reward == 1 and ratio < least else reward
        for ratio, reward in zip(ratios, difficulty, strict=True)
    ]


def training_pairs(
    attempted: Sequence[AttemptedConjecture], seeds: Mapping[str, Theorem]
) -> list[tuple[str, str]]:
    """Prompts and completions of the rewarded conjectures: what the next conjecturer learns from.

    `seeds` are the theorems they came out of, by name.
    """
    return [
        (conjecture_prompt(seeds[row.conjecture.parent]), _without_name(row.conjecture.theorem))
        for row, reward in zip(attempted, reward_conjectures(attempted), strict=True)
        if reward == 1
    ]


def _without_name(theorem: Theorem) -> str:
    """The statement without the name: `(n : Nat) : n = n`.  Raises InvalidInput when it has no signature."""
    signature = parse_signature(theorem.statement)
    return replace(signature, prefix="", keyword="", name="", universes="").text.strip()
