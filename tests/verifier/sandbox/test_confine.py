"""The sandbox around ordinary commands: each escape is tried for real, and works where nothing confines."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from verifier.errors import InvalidInput
from verifier.lean.install import find_embedded_lean
from verifier.sandbox import confine as sandbox
from verifier.sandbox.child import kill_all, process_tree, resident_bytes, tied_to_this_process, within_limits
from verifier.sandbox.seccomp import filter_program

PYTHON = Path(sys.executable).resolve()
SECRET = "the secret of the user"
LIMITS = {"RLIMIT_CORE": 0, "RLIMIT_FSIZE": 0, "RLIMIT_NOFILE": 256}

# What candidate code may try.  Each ends with 0 when it got what it wanted; `argv[1]` is its aim.
ESCAPES = {
    "read a file": "assert open(argv[1]).read()",
    "write a file": "file = open(argv[1], 'w'); file.write('x'); file.flush()",
    "read the environment": "assert os.environ[argv[1]]",
    "connect to a TCP port": "socket.create_connection(('127.0.0.1', int(argv[1])), 5)",
    "connect to a unix socket": "socket.socket(socket.AF_UNIX).connect(argv[1])",
    "start a process": "subprocess.run([argv[1], '-c', ''], check=True)",
    "fork": "child = os.fork() or os._exit(0); os.waitpid(child, 0)",
    "see a process": "assert b'sleep' in open(f'/proc/{argv[1]}/cmdline', 'rb').read()",
    "end a process": "os.kill(int(argv[1]), signal.SIGTERM)",
    "trace a process": (
        "libc = ctypes.CDLL(None, use_errno=True); PTRACE_SEIZE = 0x4206\n"
        "assert libc.ptrace(PTRACE_SEIZE, int(argv[1]), 0, 0) == 0, os.strerror(ctypes.get_errno())"
    ),
}
# A private /tmp and namespaces are bubblewrap's; limits and filter close these without it.
CLOSED_WITHOUT_BUBBLEWRAP = set(ESCAPES) - {"read a file", "read the environment", "see a process"}

TRY = "import ctypes, os, signal, socket, subprocess\nfrom sys import argv\n"


@pytest.fixture(params=["bubblewrap", "limits and filter"])
def protection(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Each way in which a worker is confined; `confined` then builds commands of that kind."""
    if request.param != "bubblewrap":
        monkeypatch.setenv(sandbox.BUBBLEWRAP_VARIABLE, "off")
        sandbox.bubblewrap.cache_clear()
        needed = sandbox.call_filter()
    else:
        needed = sandbox.bubblewrap()
    if not needed.on:
        pytest.skip(needed.detail)
    yield request.param
    monkeypatch.undo()
    sandbox.bubblewrap.cache_clear()


@pytest.fixture
def bubblewrap() -> None:
    if not sandbox.bubblewrap().on:
        pytest.skip(sandbox.bubblewrap().detail)


@pytest.fixture
def victim() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "600"]) as process:
        yield process
        process.kill()


@pytest.fixture
def aims(tmp_path: Path, victim: subprocess.Popen[bytes]) -> Iterator[dict[str, str]]:
    """What each escape is after, all of it really there."""
    (tmp_path / "secret").write_text(SECRET)
    with (
        closing(socket.create_server(("127.0.0.1", 0))) as tcp,
        closing(socket.socket(socket.AF_UNIX)) as unix,
    ):
        unix.bind(str(tmp_path / "socket"))
        unix.listen()
        yield {
            "read a file": str(tmp_path / "secret"),
            "write a file": str(tmp_path / "written"),
            "read the environment": "PROOFMILL_TEST_SECRET",
            "connect to a TCP port": str(tcp.getsockname()[1]),
            "connect to a unix socket": str(tmp_path / "socket"),
            "start a process": str(PYTHON),
            "fork": "",
            "see a process": str(victim.pid),
            "end a process": str(victim.pid),
            "trace a process": str(victim.pid),
        }


def attempt(command: tuple[str, ...]) -> "subprocess.CompletedProcess[str]":
    """Run `command` in an environment that holds a secret."""
    env = {**os.environ, "PROOFMILL_TEST_SECRET": SECRET}
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)


def python(code: str, *arguments: str) -> tuple[str, ...]:
    return (str(PYTHON), "-I", "-S", "-c", TRY + code, *arguments)


def confined(command: tuple[str, ...], limits: dict[str, int] = LIMITS) -> tuple[str, ...]:
    readable = (Path(sys.base_prefix), PYTHON)
    return sandbox.confine(
        command, readable=readable, env={"LANG": "C.UTF-8"}, cwd=Path("/tmp"), limits=limits
    )


@pytest.mark.parametrize("escape", ESCAPES)
def test_an_escape_works_where_nothing_confines_it(escape: str, aims: dict[str, str]) -> None:
    ran = attempt(python(ESCAPES[escape], aims[escape]))
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize("escape", ESCAPES)
def test_an_escape_fails_in_the_sandbox(
    protection: str, escape: str, aims: dict[str, str], victim: subprocess.Popen[bytes]
) -> None:
    if protection != "bubblewrap" and escape not in CLOSED_WITHOUT_BUBBLEWRAP:
        pytest.skip("only bubblewrap closes this for any command")
    ran = attempt(confined(python(ESCAPES[escape], aims[escape])))
    assert ran.returncode == 1 and "Error" in ran.stderr, ran.stderr
    assert victim.poll() is None
    written = Path(aims["write a file"])
    assert not written.exists() or written.read_bytes() == b""


def test_what_lean_needs_still_works_in_the_sandbox(protection: str) -> None:
    code = "import threading; t = threading.Thread(target=print, args=['in a thread']); t.start(); t.join()"
    ran = attempt(confined(python(code)))
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == "in a thread\n"


@pytest.mark.parametrize("folder", ["/", "/tmp", "/dev/shm", str(Path.home()), str(Path.cwd())])
def test_nothing_written_in_bubblewrap_reaches_the_disk_or_is_kept(bubblewrap: None, folder: str) -> None:
    name = f"proofmill-test-{os.getpid()}"
    code = f"file = open({folder!r} + '/{name}', 'wb', 0); file.write(b'x')"
    ran = attempt(confined(python(code)))
    assert ran.returncode == 1 and "Error" in ran.stderr
    assert not Path(folder, name).exists()


def test_bubblewrap_shows_only_what_was_named(bubblewrap: None) -> None:
    ran = attempt(confined(python("print(sorted(os.environ), os.listdir('/tmp'))")))
    assert ran.stdout.startswith("['LANG', 'PWD'] []"), ran.stdout + ran.stderr
    seen = attempt(confined(python("print([name for name in os.listdir('/proc') if name.isdigit()])")))
    assert seen.stdout == "['1', '2']\n", seen.stdout + seen.stderr


def test_memory_beyond_the_limit_is_refused(protection: str) -> None:
    hoard = "print(len(bytearray(2 << 30)))"  # never touched, so it costs nothing where it is allowed
    assert attempt(python(hoard)).returncode == 0
    ran = attempt(confined(python(hoard), LIMITS | {"RLIMIT_AS": 1 << 30}))
    assert "MemoryError" in ran.stderr


def test_a_command_that_forks_on_and_on_gets_no_process(protection: str) -> None:
    code = """
made = 0
for _ in range(30):
    try:
        os.fork() or os._exit(0)
        made += 1
    except PermissionError:
        pass
print("made", made)"""
    assert attempt(python(code)).stdout == "made 30\n"
    assert attempt(confined(python(code))).stdout == "made 0\n"


def test_a_lower_limit_of_the_user_stays() -> None:
    code = "import resource; print(resource.getrlimit(resource.RLIMIT_NOFILE))"
    command = within_limits(python(code), {"RLIMIT_NOFILE": 256})
    ran = attempt(("/bin/sh", "-c", 'ulimit -n 128; exec "$@"', "sh", *command))
    assert ran.stdout == "(128, 128)\n", ran.stderr


def test_killing_the_group_ends_everything_in_the_sandbox(protection: str) -> None:
    command = tied_to_this_process(confined(python("import time; print(1, flush=True); time.sleep(600)")))
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout is not None and process.stdout.readline() == b"1\n"
        everyone = process_tree(process.pid)
        assert len(everyone) == (3 if protection == "bubblewrap" else 1)
        os.killpg(process.pid, signal.SIGKILL)
    assert wait_for_the_end(everyone)


def test_a_kill_at_any_moment_of_the_start_leaves_nothing_behind(protection: str) -> None:
    command = tied_to_this_process(confined(python("import time; time.sleep(600)")))
    for milliseconds in range(0, 100, 2):
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        ) as process:
            time.sleep(milliseconds / 1e3)
            kill_all(process.pid)
            # Whoever is left holds the pipe open.
            process.communicate(timeout=20)


def test_sigkill_of_the_parent_leaves_nothing_in_the_sandbox_behind(protection: str) -> None:
    inside = confined(python("import time; print(1, flush=True); time.sleep(600)"))
    parent = f"""
import subprocess, sys
from verifier.sandbox.child import tied_to_this_process
child = subprocess.Popen(tied_to_this_process({inside!r}), stdout=subprocess.PIPE, start_new_session=True)
child.stdout.readline()
print(child.pid, flush=True)
child.wait()
"""
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        everyone = process_tree(int(process.stdout.readline()))
        assert everyone
        process.kill()
    assert wait_for_the_end(everyone)


def test_memory_of_a_sandboxed_command_is_found_below_the_process_that_was_started(protection: str) -> None:
    code = "import time; hoard = b'x' * 200_000_000; print(1, flush=True); time.sleep(600)"
    with subprocess.Popen(confined(python(code)), stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline() == b"1\n"
        assert 200_000_000 < resident_bytes(process.pid) < 400_000_000
        process.kill()
    assert wait_for_the_end((process.pid,)) and resident_bytes(process.pid) == 0


def wait_for_the_end(pids: tuple[int, ...]) -> bool:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        if not any(process_tree(pid) for pid in pids):
            return True
        time.sleep(0.02)
    return False


def test_bubblewrap_that_is_there_but_forbidden_is_off_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forbidden = tmp_path / "bwrap"
    forbidden.write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
    forbidden.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    found = sandbox.bubblewrap.__wrapped__()
    assert not found.on
    assert "No permissions to create new namespace" in found.detail


def test_a_machine_without_a_filter_gets_none() -> None:
    assert filter_program("riscv64") is None
    assert filter_program("x86_64") != filter_program("aarch64")


def test_a_memory_setting_that_is_no_number_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for wrong in ("much", "-1", "nan", "inf"):
        monkeypatch.setenv(sandbox.MEMORY_VARIABLE, wrong)
        with pytest.raises(InvalidInput, match=sandbox.MEMORY_VARIABLE):
            sandbox.resource_limits("project")
    monkeypatch.setenv(sandbox.MEMORY_VARIABLE, "2.5")
    assert sandbox.resource_limits("project")["RLIMIT_DATA"] == 2_500_000_000


# What a script that got out of WebAssembly could do: node's own functions, under the worker's flags.
NODE_ESCAPES = {
    "read a file": "require('fs').readFileSync(AIM); process.exit(0)",
    "write a file": "require('fs').writeFileSync(AIM, 'x'); process.exit(0)",
    "start a process": (
        "const ran = require('child_process').spawnSync(AIM, ['-c', '']); process.exit(ran.status ?? 1)"
    ),
    "connect to a TCP port": (
        "const s = require('net').connect(Number(AIM), '127.0.0.1');"
        "s.on('connect', () => process.exit(0)); s.on('error', e => {console.error(e); process.exit(1)})"
    ),
    "connect to a unix socket": (
        "const s = require('net').connect(AIM);"
        "s.on('connect', () => process.exit(0)); s.on('error', e => {console.error(e); process.exit(1)})"
    ),
    "end a process": "process.kill(Number(AIM), 'SIGTERM'); process.exit(0)",
}
OPEN_IN_NODE = {"connect to a TCP port", "connect to a unix socket", "end a process"}


def node(escape: str, aim: str, *, flags: bool) -> tuple[tuple[str, ...], Path]:
    """A script in node, with the worker's flags or none, and the tree it may read."""
    install = find_embedded_lean()
    if install is None:
        pytest.skip("the embedded Lean is not installed")
    command = install.command()
    options = command[1 : command.index(str(install.root / "lean.js"))] if flags else ()
    script = f"const AIM = {aim!r}; {NODE_ESCAPES[escape]}"
    return (str(install.node), *options, "-e", script), install.root


@pytest.mark.parametrize("escape", NODE_ESCAPES)
def test_a_script_in_plain_node_can_do_it(escape: str, aims: dict[str, str]) -> None:
    command, _ = node(escape, aims[escape], flags=False)
    assert attempt(command).returncode == 0


@pytest.mark.parametrize("escape", NODE_ESCAPES)
def test_nodes_permission_model_alone_closes_files_and_processes_but_no_sockets_and_signals(
    escape: str, aims: dict[str, str]
) -> None:
    """What doctor says of it; when a newer node closes more, doctor should say so."""
    command, _ = node(escape, aims[escape], flags=True)
    ran = attempt(command)
    assert (ran.returncode == 0) == (escape in OPEN_IN_NODE), ran.stderr


@pytest.mark.parametrize("escape", NODE_ESCAPES)
def test_a_script_that_got_out_of_webassembly_is_still_in_the_sandbox(
    protection: str, escape: str, aims: dict[str, str], victim: subprocess.Popen[bytes]
) -> None:
    command, root = node(escape, aims[escape], flags=True)
    readable = (root, Path(command[0]))
    limits = sandbox.resource_limits("embedded")
    ran = attempt(sandbox.confine(command, readable=readable, env={}, cwd=root, limits=limits))
    assert ran.returncode == 1, (ran.stdout, ran.stderr)
    assert any(word in ran.stderr for word in ("ERR_ACCESS_DENIED", "EPERM", "ESRCH")), ran.stderr
    assert victim.poll() is None
