"""The formats of sources of theorems, one line each: how a source is recognised, and who reads it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from prover.families import build_dataset
from prover.sources.datasets import read_dataset
from prover.sources.lean_files import lean_theorems
from prover.sources.leandojo import leandojo_theorems
from prover.sources.rows import SourceRow, SourceTheorem
from verifier.errors import InvalidInput

__all__ = ["AUTO", "SOURCE_FORMATS", "Source", "SourceFormat", "family_theorems", "read_source"]

AUTO = "auto"
"""In place of a format: whichever recognises the source."""
FAMILIES = "families"


@dataclass(frozen=True, slots=True)
class Source:
    """What a user names as a source of theorems, with what some of the formats need besides."""

    location: str
    """A file or a directory; or `families`, for theorems that the project makes."""
    repository: Path | None = None
    """A checkout of the repository that rows of LeanDojo speak of."""
    seed: int = 0
    """The seed from which families draw theorems."""
    count: int = 2000
    """How many theorems to train on families draw; a tenth of it of either kind of held-out ones."""

    @property
    def path(self) -> Path:
        return Path(self.location)

    @property
    def name(self) -> str:
        """What the store calls the source: the name of its file or directory, without an ending."""
        path = self.path.resolve()
        return path.name if path.is_dir() else path.stem


@dataclass(frozen=True, slots=True)
class SourceFormat:
    """A format of sources: whether a path is of it by its name, and what reads it."""

    recognises: Callable[[Path], bool]
    read: Callable[[Source], Iterator[SourceRow]]


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


def _read_families(source: Source) -> Iterator[SourceRow]:
    if source.location != FAMILIES:
        raise InvalidInput(f"families are not read from {source.location}: give `{FAMILIES}` in its place")
    held_out = source.count // 10
    return family_theorems(source.seed, train=source.count, held_out=held_out, held_out_family=held_out)


def _read_jsonl(source: Source) -> Iterator[SourceRow]:
    return read_dataset(source.path, source=source.name)


def _read_lean(source: Source) -> Iterator[SourceRow]:
    return lean_theorems(source.path, source=source.name)


def _read_leandojo(source: Source) -> Iterator[SourceRow]:
    if source.repository is None:
        raise InvalidInput(
            f"{source.location} has no statements, only where they stand: pass a checkout of the repository, "
            "at the commit that its rows name, as --repository"
        )
    return leandojo_theorems(source.path, source.repository, source=source.name)


def _is_families(path: Path) -> bool:
    return str(path) == FAMILIES and not path.exists()


def _is_lean(path: Path) -> bool:
    return path.suffix == ".lean" or path.is_dir()


def _is_leandojo(path: Path) -> bool:
    return path.suffix == ".json" if path.is_file() else (path / "train.json").exists()


SOURCE_FORMATS: Mapping[str, SourceFormat] = {
    FAMILIES: SourceFormat(_is_families, _read_families),
    "jsonl": SourceFormat(lambda path: path.suffix == ".jsonl" and path.is_file(), _read_jsonl),
    "leandojo": SourceFormat(_is_leandojo, _read_leandojo),
    "lean": SourceFormat(_is_lean, _read_lean),
}
"""The formats by the names that `--format` gives them; the first that recognises a source reads it."""


def read_source(
    source: Source, format: str = AUTO, formats: Mapping[str, SourceFormat] = SOURCE_FORMATS
) -> Iterator[SourceRow]:
    """The theorems of a source, row by row, by the format of this name, or by the first that recognises it.

    Raises:
        InvalidInput: there is no such source or no such format, or the source as a whole cannot be read.
    """
    if format == AUTO:
        return _recognise(source, formats).read(source)
    if format not in formats:
        raise InvalidInput(f"there is no format `{format}`: choose one of {', '.join((AUTO, *formats))}")
    return formats[format].read(source)


def _recognise(source: Source, formats: Mapping[str, SourceFormat]) -> SourceFormat:
    """The first format that recognises a source.  Raises InvalidInput when none does."""
    if not source.path.exists() and source.location != FAMILIES:
        raise InvalidInput(f"there is nothing at {source.location}: give a file, a directory, or `families`")
    for format in formats.values():
        if format.recognises(source.path):
            return format
    raise InvalidInput(f"what {source.location} is cannot be seen from its name: say so with --format")
