"""Sealed directories: whole or not there, and never taken for what they are not."""

import resource
import subprocess
from pathlib import Path

import pytest

from prover.generators.sealed import SUMS, BrokenDirectory, check_sealed, digest_of_seal, new_sealed
from verifier.errors import InvalidInput, ProofmillError


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    with new_sealed(tmp_path / "v1") as draft:
        (draft / "policy").mkdir()
        (draft / "policy" / "model.safetensors").write_bytes(b"weights" * 1000)
        (draft / "run.json").write_text("{}")
    return tmp_path / "v1"


def test_what_was_written_is_there_and_can_be_checked_by_others(sealed: Path) -> None:
    check_sealed(sealed, digest_of_seal(sealed))
    subprocess.run(["sha256sum", "--check", "--quiet", SUMS], cwd=sealed, check=True)
    assert [path.name for path in sealed.parent.iterdir()] == ["v1"], "no draft is left"


def test_a_file_that_was_cut_short_is_named(sealed: Path) -> None:
    weights = sealed / "policy" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    with pytest.raises(BrokenDirectory, match=r"policy/model\.safetensors is not as it was written.*copy"):
        check_sealed(sealed)


def test_a_file_that_is_missing_is_named(sealed: Path) -> None:
    (sealed / "run.json").unlink()
    with pytest.raises(BrokenDirectory, match=r"run\.json cannot be read"):
        check_sealed(sealed)


def test_another_directory_in_its_place_is_refused(sealed: Path) -> None:
    with pytest.raises(BrokenDirectory, match="not the one that was announced"):
        check_sealed(sealed, "0" * 64)


def test_a_directory_that_nobody_sealed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BrokenDirectory, match="not sealed"):
        check_sealed(tmp_path)


def test_an_error_on_the_way_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), new_sealed(tmp_path / "v1") as draft:
        (draft / "half").write_text("written")
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_one_that_is_there_is_not_overwritten(sealed: Path) -> None:
    before = digest_of_seal(sealed)
    with pytest.raises(InvalidInput, match="exists already"), new_sealed(sealed):
        pass
    assert digest_of_seal(sealed) == before


def test_a_disk_without_room_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    # The limit on file sizes fails a write as a full disk does, where no disk can be filled.
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(ProofmillError, match="make room"), new_sealed(tmp_path / "v1") as draft:
            (draft / "weights").write_bytes(b"w" * 5000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []
