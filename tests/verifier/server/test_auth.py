"""API keys: a file holds hashes only, and a wrong file says what is wrong with it."""

from pathlib import Path

import pytest

from verifier.errors import InvalidInput
from verifier.server.auth import KeyRing, hash_of, new_key


def test_a_key_is_known_by_its_hash_alone(tmp_path: Path) -> None:
    key = new_key()
    file = tmp_path / "keys.toml"
    file.write_text(f'"alice" = "{hash_of(key)}"\nbob = "{hash_of(new_key())}"\n')
    ring = KeyRing.read(file)
    assert ring.name_of(key) == "alice"
    assert [ring.name_of(each) for each in ("", hash_of(key), key + "x", new_key())] == [None] * 4
    assert key not in file.read_text()


@pytest.mark.parametrize(
    "text",
    ["", "[keys]", "a = 1", 'a = "short"', "not toml", 'a = "\\uD800"'],
)
def test_a_file_that_holds_no_keys_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "keys.toml"
    file.write_text(text)
    with pytest.raises(InvalidInput):
        KeyRing.read(file)
    with pytest.raises(InvalidInput, match="cannot be read"):
        KeyRing.read(tmp_path / "nowhere")
