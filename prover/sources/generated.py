"""Theorems of the project's families as a source."""

from collections.abc import Iterator

from prover.families import build_dataset
from prover.sources.rows import Source, SourceFormat, SourceRow, SourceTheorem
from verifier.errors import InvalidInput

__all__ = ["FAMILIES", "family_theorems"]

NAME = "families"


def family_theorems(seed: int, *, train: int, held_out: int, held_out_family: int) -> Iterator[SourceRow]:
    """Theorems of the project's families, as `build_dataset` draws them, without their proofs.

    Of those to train on, their features say how long the reference proofs are and what these use.

    Raises:
        InvalidInput: the families cannot give that many.
    """
    data = build_dataset(seed, train=train, held_out=held_out, held_out_family=held_out_family)
    for number, (theorem, features) in enumerate(zip(data.train, data.train_features, strict=True), start=1):
        yield SourceTheorem(f"families {seed}:{number}", theorem, features=features)
    for number, theorem in enumerate((*data.held_out, *data.held_out_family), start=len(data.train) + 1):
        yield SourceTheorem(f"families {seed}:{number}", theorem)


def _read(source: Source) -> Iterator[SourceRow]:
    if source.location != NAME:
        raise InvalidInput(f"families are not read from {source.location}: give `{NAME}` in its place")
    held_out = source.count // 10
    return family_theorems(source.seed, train=source.count, held_out=held_out, held_out_family=held_out)


FAMILIES = SourceFormat(lambda path: str(path) == NAME and not path.exists(), _read)
