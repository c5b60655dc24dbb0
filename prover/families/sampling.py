"""Data sets drawn from the families: distinct statements, splits that cannot overlap, all from one seed.

On which side a statement of a training family falls is a property of the statement (a hash of its normal
form), so no seed and no count can put one on both sides, and supervised pairs stay apart from every held-out
theorem.
"""

import hashlib
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from prover.families.base import DIFFICULTIES, Family, Instance, Role
from prover.families.header import HEADER
from prover.families.table import FAMILIES
from prover.library.features import Features, features_of
from prover.syntax.normalise import normalise
from prover.theorem import Split, Theorem
from verifier.errors import InvalidInput

__all__ = ["Dataset", "build_dataset", "generate", "supervised_pairs"]

EASY = range(1, 3)
"""Difficulties whose reference proofs supervision may show."""

_HELD_OUT_SHARE = 4  # one statement in this many
_REDRAWS = 200  # draws without a new statement after which a family counts as exhausted at a difficulty


@dataclass(frozen=True, slots=True)
class Dataset:
    """Theorems by split: no two of them share a normalised statement."""

    seed: int
    train: tuple[Theorem, ...]
    train_features: tuple[Features, ...]
    """The features of `train`, which say how long the reference proofs are and what they use, and no more."""
    held_out: tuple[Theorem, ...]
    held_out_family: tuple[Theorem, ...]


def build_dataset(
    seed: int, *, train: int, held_out: int, held_out_family: int, max_difficulty: int = DIFFICULTIES[-1]
) -> Dataset:
    """Draw so many theorems of every split, spread evenly over families and over difficulties from 1 on.

    `train` and `held_out` hold statements of the same families; `held_out_family` holds those of the four
    families that training never sees.

    Raises InvalidInput when the families cannot give that many distinct statements.
    """
    known, kept_back = _families(Role.SUPERVISED, Role.RARE, Role.EXPLORED), _families(Role.HELD_OUT)
    difficulties = range(DIFFICULTIES[0], max_difficulty + 1)
    training = _with_proofs(seed, "train", train, known, difficulties, _is_train)
    held = _with_proofs(seed, "held_out", held_out, known, difficulties, _is_held_out)
    new = _with_proofs(seed, "held_out_family", held_out_family, kept_back, difficulties, _any_side)
    return Dataset(
        seed=seed,
        train=tuple(theorem for theorem, _ in training),
        train_features=tuple(features_of(theorem, proof) for theorem, proof in training),
        held_out=tuple(theorem for theorem, _ in held),
        held_out_family=tuple(theorem for theorem, _ in new),
    )


def supervised_pairs(seed: int, count: int, rare: int = 0) -> list[tuple[Theorem, str]]:
    """Easy train theorems with their reference proofs: `count` of supervised families, `rare` of rare ones.

    Their names differ from those that `build_dataset` gives; the statements may be among its train theorems
    too, and never among the held-out ones.

    Raises InvalidInput when there are fewer distinct ones than that.
    """
    rng = random.Random(f"{seed}/supervised")
    drawn = [
        *_take(_draw(rng, _families(Role.SUPERVISED), EASY, _is_train), count),
        *_take(_draw(rng, _families(Role.RARE), EASY, _is_train), rare),
    ]
    return [
        (_theorem(f"s{number:05d}", item, "train"), item.instance.proof) for number, item in enumerate(drawn)
    ]


def generate(seed: int, count: int) -> list[tuple[Theorem, str]]:
    """Distinct statements of all families and difficulties with their reference proofs, for checks.

    The split says where a statement belongs.  Nothing that learns may read these proofs.
    Raises InvalidInput when there are fewer distinct ones than `count`.
    """
    rng = random.Random(f"{seed}/all")
    drawn = _take(_draw(rng, FAMILIES, DIFFICULTIES, _any_side), count)
    return [
        (_theorem(f"{number:05d}", item, _split(item)), item.instance.proof)
        for number, item in enumerate(drawn)
    ]


@dataclass(frozen=True, slots=True)
class _Drawn:
    family: Family
    difficulty: int
    instance: Instance
    normalised: str


def _families(*roles: Role) -> list[Family]:
    return [family for family in FAMILIES if family.role in roles]


def _is_held_out(normalised: str) -> bool:
    return hashlib.sha256(normalised.encode()).digest()[0] % _HELD_OUT_SHARE == 0


def _is_train(normalised: str) -> bool:
    return not _is_held_out(normalised)


def _any_side(_: str) -> bool:
    return True


def _split(item: _Drawn) -> Split:
    if item.family.role is Role.HELD_OUT:
        return "held_out_family"
    return "held_out" if _is_held_out(item.normalised) else "train"


def _draw(
    rng: random.Random, families: Sequence[Family], difficulties: range, keep: Callable[[str], bool]
) -> Iterator[_Drawn]:
    """Draw distinct instances that `keep` accepts, families and difficulties in turn, while there are any."""
    seen: set[str] = set()
    cells = [(family, difficulty) for difficulty in difficulties for family in families]
    while cells:
        alive = []
        for family, difficulty in cells:
            for _ in range(_REDRAWS):
                instance = family.make(rng, difficulty)
                normalised = normalise(instance.statement)
                if normalised not in seen and keep(normalised):
                    seen.add(normalised)
                    alive.append((family, difficulty))
                    yield _Drawn(family, difficulty, instance, normalised)
                    break
        cells = alive


def _take(drawn: Iterator[_Drawn], count: int) -> list[_Drawn]:
    result = list(islice(drawn, count))
    if len(result) < count:
        raise InvalidInput(
            f"the families give {len(result)} distinct theorems here, not {count}: ask for fewer"
        )
    return result


def _with_proofs(
    seed: int,
    split: Split,
    count: int,
    families: Sequence[Family],
    difficulties: range,
    keep: Callable[[str], bool],
) -> list[tuple[Theorem, str]]:
    """Theorems of a split with their reference proofs."""
    rng = random.Random(f"{seed}/{split}")
    drawn = _take(_draw(rng, families, difficulties, keep), count)
    rng.shuffle(drawn)
    # The split is in the number, because names must differ between splits.
    return [
        (_theorem(f"{split[0]}{number:05d}", item, split), item.instance.proof)
        for number, item in enumerate(drawn)
    ]


def _theorem(number: str, item: _Drawn, split: Split) -> Theorem:
    return Theorem(
        name=f"{item.family.name}_{number}",
        statement=f"theorem {item.family.name}_{number} {item.instance.statement}",
        header=HEADER,
        source="families",
        split=split,
        family=item.family.name,
        difficulty=item.difficulty,
    )
