"""The formats of sources: recognised by their names, refused with what to do next, and added by a line."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from prover.registry import choose
from prover.sources.registry import SOURCE_FORMATS, read_source
from prover.sources.rows import Source, SourceFormat, SourceRow, SourceTheorem
from prover.theorem import Theorem
from verifier.errors import InvalidInput


def read_toy(source: Source) -> Iterator[SourceRow]:
    """A theorem a line, by what follows its name."""
    for number, said in enumerate(source.path.read_text().splitlines(), start=1):
        theorem = Theorem(
            name=f"toy{number}", statement=f"theorem toy{number} {said}", source=source.name, split="train"
        )
        yield SourceTheorem(f"{source.location}:{number}", theorem)


TOY = SourceFormat(lambda path: path.suffix == ".toy", read_toy)


def test_a_format_of_its_own_is_one_more_line(tmp_path: Path) -> None:
    path = tmp_path / "sums.toy"
    path.write_text(": 1 + 1 = 2\n(n : Nat) : n = n\n")
    formats = {**SOURCE_FORMATS, "toy": f"{__name__}:TOY"}
    for format in ("auto", "toy"):
        rows = list(read_source(Source(str(path)), format, formats))
        assert [row.theorem.statement for row in rows if isinstance(row, SourceTheorem)] == [
            "theorem toy1 : 1 + 1 = 2",
            "theorem toy2 (n : Nat) : n = n",
        ]
    with pytest.raises(InvalidInput, match="say so with --format"):
        read_source(Source(str(path)))


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("families", "families"),
        ("rows.jsonl", "jsonl"),
        ("Toy.lean", "lean"),
        ("lean/", "lean"),
        ("rows.json", "leandojo"),
        ("dojo/train.json", "leandojo"),
    ],
)
def test_a_source_is_recognised_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, format: str
) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path(name)
    if name.endswith("/"):
        path.mkdir()
    elif name != "families":
        path.parent.mkdir(exist_ok=True)
        path.touch()
    source = path.parent if path.parent != Path() else path
    recognising = [
        known
        for known in SOURCE_FORMATS
        if choose("format of sources", SOURCE_FORMATS, known).recognises(source)
    ]
    assert recognising[0] == format


@pytest.mark.parametrize(
    ("location", "format", "complaint"),
    [
        ("nowhere.jsonl", "auto", "there is nothing at nowhere.jsonl"),
        ("nowhere.jsonl", "csv", "choose among families, jsonl"),
        ("rows.jsonl", "families", "give `families`"),
        ("rows.json", "leandojo", "--repository"),
    ],
)
def test_what_cannot_be_read_is_refused_with_what_to_do_next(
    location: str, format: str, complaint: str
) -> None:
    with pytest.raises(InvalidInput, match=complaint):
        read_source(Source(location), format)


def test_families_are_drawn_in_the_numbers_that_are_asked_for() -> None:
    rows = list(read_source(Source("families", count=62)))
    splits = [row.theorem.split for row in rows if isinstance(row, SourceTheorem)]
    assert [splits.count(split) for split in ("train", "held_out", "held_out_family")] == [62, 6, 6]
