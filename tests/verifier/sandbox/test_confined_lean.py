"""The sandbox of Lean workers: what candidate code tries from inside Lean, and what a project's Lean sees."""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from pathlib import Path

import pytest
import pytest_asyncio

from verifier.judging.pool import LeanPool
from verifier.lean.runtime import LeanRuntime, project_runtime, resolve_runtime
from verifier.options import Options
from verifier.sandbox import confine as sandbox
from verifier.sandbox.child import kill_all, process_tree, resident_bytes, tied_to_this_process
from verifier.streams.connection import REDIS_VARIABLE
from verifier.streams.valkey import EmbeddedRedis
from verifier.verdict import Kind, Status, Submission, Verdict

SECRET = "the secret of the user"
STATEMENT = "theorem t : 1 = 1"
PROOF = "\n\ntheorem t : 1 = 1 := rfl"


@pytest_asyncio.fixture(scope="module", params=["bubblewrap", "node alone"])
async def confined_pool(request: pytest.FixtureRequest, lean_runtime: LeanRuntime) -> AsyncIterator[LeanPool]:
    """A worker of the embedded Lean, with bubblewrap and as on a machine without."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "bubblewrap":
            if not sandbox.bubblewrap().on:
                pytest.skip(sandbox.bubblewrap().detail)
            runtime = lean_runtime
        else:
            runtime = runtime_without_bubblewrap(patch, None)
        patch.setenv("PROOFMILL_TEST_SECRET", SECRET)
        async with LeanPool(runtime, options=Options(timeout_s=30)) as pool:
            yield pool


def runtime_without_bubblewrap(patch: pytest.MonkeyPatch, project: Path | None) -> LeanRuntime:
    patch.setenv(sandbox.BUBBLEWRAP_VARIABLE, "off")
    sandbox.bubblewrap.cache_clear()
    try:
        return resolve_runtime(project)
    finally:
        patch.delenv(sandbox.BUBBLEWRAP_VARIABLE)
        sandbox.bubblewrap.cache_clear()


async def run(pool: LeanPool, code: str, *, timeout_s: float | None = None, theorem: str = PROOF) -> Verdict:
    """The verdict on a file that runs `code` before it proves the theorem."""
    asked = Submission(id="escape", statement=theorem.strip().partition(" :=")[0], code=code + theorem)
    return await pool.verify(asked, pool.options.but(timeout_s=timeout_s))


def said(verdict: Verdict) -> str:
    return "\n".join(message.text for message in verdict.messages)


# For what the limits bound: they are the same with bubblewrap (`test_confine.py`), and it costs a worker.
limits_alone = pytest.mark.parametrize("confined_pool", ["node alone"], indirect=True)


async def test_a_file_of_the_user_cannot_be_read(confined_pool: LeanPool, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SECRET)
    own = confined_pool.runtime.cwd / "manifest.json"
    for path, readable in ((own, True), (tmp_path / "secret", False), (Path("/etc/passwd"), False)):
        code = f"#eval show IO Unit from do IO.println (← IO.FS.readFile {json.dumps(str(path))}).length"
        verdict = await run(confined_pool, code)
        assert (verdict.status is Status.PROVED) == readable, verdict.reason
        assert readable or "no such file or directory" in said(verdict)


@pytest.mark.parametrize("folder", ["the Lean tree", "/tmp", "home", "tmp_path"])
async def test_a_file_that_is_written_does_not_reach_the_disk(
    confined_pool: LeanPool, tmp_path: Path, folder: str
) -> None:
    root = {"the Lean tree": confined_pool.runtime.cwd, "home": Path.home(), "tmp_path": tmp_path}
    target = root.get(folder, Path(folder)) / f"proofmill-test-{os.getpid()}"
    verdict = await run(confined_pool, f'#eval IO.FS.writeFile {json.dumps(str(target))} "x"')
    # Only the Lean tree is the machine's; other directories that exist are a piece of Lean's own memory.
    if folder in ("the Lean tree", "/tmp"):
        assert (verdict.status is Status.PROVED) == (folder == "/tmp"), verdict.reason
    assert not target.exists()


async def test_variables_of_the_user_cannot_be_read(confined_pool: LeanPool) -> None:
    code = """#eval show IO Unit from do
  IO.println s!"{← IO.getEnv "PROOFMILL_TEST_SECRET"} {← IO.getEnv "PATH"} {← IO.getEnv "HOME"}\""""
    assert said(await run(confined_pool, code)).strip() == "none none none"


async def test_no_process_can_be_started(confined_pool: LeanPool) -> None:
    code = """#eval show IO Unit from do
  let ran ← IO.Process.output { cmd := "/bin/sh", args := #["-c", "echo $((6 * 7))"] }
  IO.println ran.stdout"""
    verdict = await run(confined_pool, code)
    assert verdict.status is Status.REJECTED and "42" not in said(verdict)
    assert "unsupported operation" in said(verdict)


async def test_c_functions_open_to_a_candidate_reach_no_listener(confined_pool: LeanPool) -> None:
    """A candidate can name a C function of the runtime as its own, so Lean's API is no boundary."""
    log2 = """@[extern "lean_nat_log2", export lean_nat_log2] opaque borrowed (n : @& Nat) : Nat
#eval borrowed 1024"""
    assert said(await run(confined_pool, log2)).strip() == "10"
    accepted = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)

        def accept() -> None:
            with suppress(TimeoutError, OSError):
                while True:
                    with suppress(TimeoutError):
                        server.accept()[0].close()
                        accepted.set()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        with socket.create_connection(server.getsockname(), 5):
            assert await asyncio.to_thread(accepted.wait, 5), "the control does not work"
        accepted.clear()
        script = (
            "  (()=>{const s=require('net').connect("
            f"{server.getsockname()[1]},'127.0.0.1');s.on('error',()=>1);return 21}})()"
        )
        code = f"""@[extern "emscripten_run_script_int", export emscripten_run_script_int]
opaque runScript (address : @& Nat) : Nat
unsafe def go (script : String) : IO Unit := do
  IO.println s!"{{runScript (((ptrAddrUnsafe script).toNat + 20) / 2)}} {{script.length}}"
#eval go {json.dumps(script)}"""
        await run(confined_pool, code, timeout_s=5)
        assert not accepted.wait(0.5)


async def test_a_forged_reply_with_guessed_ids_is_not_taken(confined_pool: LeanPool) -> None:
    guesses = ["", "escape", "0", "h0", "0" * 24]
    forged = [json.dumps({"id": guess, "messages": [], "name": "t"}) for guess in guesses]
    forged += [json.dumps({"messages": []}), json.dumps({"id": None, "ready": True, "lean": "forged"})]
    text = json.dumps("\n" + "\n".join(forged) + "\n")
    code = f"""#eval show IO Unit from do
  let task ← IO.asTask (do (← IO.getStdout).putStr {text}; (← IO.getStdout).flush)
  let _ ← IO.wait task
  let handle ← IO.FS.Handle.mk "/dev/stdout" .write
  handle.putStr {text}
  handle.flush"""
    verdict = await run(confined_pool, code, theorem="\n\ntheorem t : 1 = 2 := rfl")
    assert verdict.status is Status.REJECTED, verdict.reason
    assert any(message.severity == "error" for message in verdict.messages)


async def test_killing_a_worker_leaves_no_process_of_its_sandbox(confined_pool: LeanPool) -> None:
    assert (await run(confined_pool, "")).status is Status.PROVED
    everyone = [each for pid in confined_pool.worker_pids for each in process_tree(pid)]
    assert everyone
    assert all(resident_bytes(pid) > 200e6 for pid in confined_pool.worker_pids)
    for pid in confined_pool.worker_pids:
        os.killpg(pid, signal.SIGKILL)
    await asyncio.sleep(1)
    assert not any(process_tree(pid) for pid in everyone)
    assert (await run(confined_pool, "")).status is Status.PROVED


PRINT_ON = """partial def printOn (handle : IO.FS.Handle) : IO Unit := do
  handle.putStr "{line}"
  printOn handle
#eval show IO Unit from do printOn (← IO.FS.Handle.mk "{file}" .write)"""


@pytest.mark.slow
@limits_alone
@pytest.mark.parametrize(
    ("file", "line"),
    [("/dev/stdout", "x" * 60), ("/dev/stderr", "x" * 60), ("/dev/stdout", "x" * 60 + "\\n")],
)
async def test_output_without_end_fills_no_memory_of_ours_and_costs_only_its_worker(
    confined_pool: LeanPool, file: str, line: str
) -> None:
    before = resident_of_this_process()
    verdict = await run(confined_pool, PRINT_ON.format(file=file, line=line), timeout_s=5)
    assert verdict.kind is Kind.UNKNOWN, verdict.reason
    assert resident_of_this_process() - before < 200e6
    assert (await run(confined_pool, "")).status is Status.PROVED


def resident_of_this_process() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


BOMBS = {
    "arrays": """def grow (n : Nat) (xs : List (Array Nat)) : IO Nat := do
  match n with
  | 0 => match xs with | [] => return 0 | _ => return 1
  | n + 1 => grow n (Array.replicate (10000000 + n) n :: xs)
#eval grow 1000 []""",
    "threads": """def many (n : Nat) : IO Unit := do
  match n with
  | 0 => return ()
  | n + 1 =>
    let _ ← IO.asTask (prio := .dedicated) (IO.sleep 60000)
    many n
#eval many 100
#eval IO.sleep 10000""",
}


@pytest.mark.slow
@limits_alone
@pytest.mark.parametrize("bomb", BOMBS)
async def test_memory_is_bounded_and_its_end_costs_only_the_worker(
    confined_pool: LeanPool, bomb: str
) -> None:
    peak = 0

    async def watch() -> None:
        nonlocal peak
        while True:
            peak = max(peak, *(resident_bytes(pid) for pid in confined_pool.worker_pids), 0)
            await asyncio.sleep(0.1)

    assert (await run(confined_pool, "")).status is Status.PROVED
    watcher = asyncio.create_task(watch())
    verdict = await run(confined_pool, BOMBS[bomb])
    watcher.cancel()
    assert verdict.status is Status.CRASHED, verdict.reason
    assert peak < sandbox.MEMORY_GB["embedded"] * 1e9
    assert (await run(confined_pool, "")).status is Status.PROVED


# A Lake project without Lean: a `lake` that sets LEAN_PATH, and a `lean` that says what it sees.
LAKE = """#!/bin/sh
shift
PATH="{toolchain}/bin:$PATH" LEAN_PATH=./.lake/lib LAKE_SECRET=1 exec "$@"
"""
LEAN = """#!{toolchain}/bin/sh
case $1 in
--print-prefix) echo "{toolchain}" ;;
--version) echo "Lean (version 4.99.0, commit 0123456789abcdef, Release)" ;;
--githash) echo 0123456789abcdef0123456789abcdef01234567 ;;
-j1)
  [ -r "$3" ] && [ -r .lake/lib/Project.olean ] && readable=true
  read secret <.env
  read outside <"{outside}"
  echo '{{"ready": true, "lean": "'$readable/$secret/$outside/$LAKE_SECRET/$PROOFMILL_TEST_SECRET'"}}'
  while read line; do :; done ;;
esac
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    toolchain, folder, tools = tmp_path / "toolchain", tmp_path / "project", tmp_path / "tools"
    (tmp_path / "outside").write_text(SECRET)
    for directory in (toolchain / "bin", folder / ".lake" / "lib", tools):
        directory.mkdir(parents=True)
    shutil.copy("/bin/sh", toolchain / "bin" / "sh")
    for file, text in ((tools / "lake", LAKE), (toolchain / "bin" / "lean", LEAN)):
        file.write_text(text.format(toolchain=toolchain, outside=tmp_path / "outside"))
        file.chmod(0o755)
    (folder / "lakefile.toml").touch()
    (folder / ".lake" / "lib" / "Project.olean").write_text("compiled")
    (folder / ".env").write_text(SECRET)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    monkeypatch.setenv("PROOFMILL_TEST_SECRET", SECRET)
    monkeypatch.setenv("PROOFMILL_CACHE", str(tmp_path / "cache"))
    return folder


def what_lean_saw(runtime: LeanRuntime) -> str:
    async def ask() -> str:
        process = await asyncio.create_subprocess_exec(
            *tied_to_this_process(runtime.command),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            cwd=runtime.cwd,
            env=runtime.env,
            start_new_session=True,
        )
        assert process.stdout is not None
        line = await process.stdout.readline()
        kill_all(process.pid)
        await process.wait()
        return line.decode()

    return asyncio.run(ask())


def test_a_project_worker_reads_libraries_and_nothing_else(project: Path) -> None:
    if not sandbox.bubblewrap().on:
        pytest.skip(sandbox.bubblewrap().detail)
    runtime = project_runtime(project)
    assert runtime.version == "4.99.0 (01234567)" and runtime.is_confined
    assert '"lean": "true////"' in what_lean_saw(runtime)


def test_a_project_worker_without_bubblewrap_is_not_confined(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = runtime_without_bubblewrap(monkeypatch, project)
    assert not runtime.is_confined
    assert f'"lean": "true/{SECRET}/{SECRET}//"' in what_lean_saw(runtime)


SERVE = ("serve", "--port", "1")
VERIFIER = ("worker", "verifier", "--run", "r")


def unprotected(command: Sequence[str], project: Path, redis: str) -> "subprocess.CompletedProcess[str]":
    """What a command says that judges candidates of others where there is no bubblewrap."""
    env = os.environ | {sandbox.BUBBLEWRAP_VARIABLE: "off", REDIS_VARIABLE: redis}
    arguments = (sys.executable, "-m", "trainer.cli", *command, "--project", str(project))
    return subprocess.run(arguments, env=env, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.e2e
@pytest.mark.parametrize("command", [SERVE, VERIFIER], ids=["serve", "verifier"])
def test_an_unconfined_worker_is_refused_unless_it_is_allowed(
    project: Path, command: Sequence[str], redis_server: EmbeddedRedis
) -> None:
    lean = project.parent / "toolchain" / "bin" / "lean"
    lean.write_text(lean.read_text().replace("-j1)", "-j1) echo 'the worker was started' >&2; exit 3"))
    refused = unprotected(command, project, redis_server.url)
    assert refused.returncode == 2
    assert "--allow-unconfined" in refused.stderr and "bubblewrap: switched off" in refused.stderr
    assert "the worker was started" not in refused.stderr
    allowed = unprotected((*command, "--allow-unconfined"), project, redis_server.url)
    assert "the worker was started" in allowed.stderr


@pytest.mark.e2e
def test_doctor_names_every_protection() -> None:
    command = (sys.executable, "-m", "trainer.cli", "doctor")
    env = os.environ | {sandbox.BUBBLEWRAP_VARIABLE: "off"}
    ran = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)
    told = ran.stdout + ran.stderr
    assert "bubblewrap: none: switched off" in told
    for name in ("node permission model", "system call filter", "worker limits"):
        assert name in told
