"""Keeping the processes of a run running, with real processes and a real Valkey."""

import asyncio
import io
import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
import redis
from rich.console import Console

from tests.support.places import ROOT
from trainer.cli import app as cli
from trainer.launch.supervisor import Child, Ended, Pace, Restarts, console_log, redis_child, supervise
from verifier.errors import InvalidInput, ProofmillError, RedisUnavailable, WorkerKilled
from verifier.sandbox.child import process_tree
from verifier.streams.connection import connect
from verifier.streams.valkey import server_socket

pytestmark = pytest.mark.e2e

QUICK = Pace(first_wait_s=0.02, longest_wait_s=0.1, main_grace_s=60.0, grace_s=60.0)
WAITING = "print('waits'); import time; time.sleep(60)"
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + WAITING


def python(name: str, script: str, *, is_main: bool = False) -> Child:
    return Child(name, (sys.executable, "-S", "-c", script), is_main=is_main)


@pytest.fixture(autouse=True)
def lines_wait_in_a_buffer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)


class Lines(list[tuple[str, str]]):
    """A log to look at."""

    def __init__(self) -> None:
        self._news = asyncio.Event()

    def __call__(self, name: str, line: str) -> None:
        self.append((name, line))
        self._news.set()

    def of(self, name: str) -> list[str]:
        return [line for each, line in self if each == name]

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not holds():
                self._news.clear()
                await self._news.wait()

    async def has(self, name: str, line: str) -> None:
        await self.until(lambda: (name, line) in self)


async def ended(pid: int) -> bool:
    for _ in range(500):
        if not process_tree(pid):
            return True
        await asyncio.sleep(0.02)
    return False


def test_waits_double_up_to_the_longest_and_begin_anew_after_a_steady_run() -> None:
    restarts = Restarts(Pace())
    assert [restarts.wait_after(1, ran_s=1.0) for _ in range(8)] == [0.5, 1, 2, 4, 8, 16, 30, 30]
    assert restarts.wait_after(1, ran_s=60.0) == 0.5
    assert restarts.wait_after(1, ran_s=59.0) == 1.0


def test_only_wrong_settings_three_times_in_a_row_are_final() -> None:
    restarts = Restarts(Pace())
    codes_and_times = [(2, 1.0), (2, 1.0), (75, 1.0), (2, 1.0), (2, 1.0), (2, 60.0), (2, 1.0), (2, 1.0)]
    assert None not in [restarts.wait_after(*each) for each in codes_and_times]
    assert restarts.wait_after(2, 1.0) is None


async def test_a_child_that_ends_in_any_way_starts_again_after_a_wait_that_doubles() -> None:
    log = Lines()
    children = [
        python("done", "print('hello')"),
        python("failed", "print('hello'); raise SystemExit(7)"),
        python("killed", "import os; print('hello'); os.kill(os.getpid(), 9)"),
    ]
    running = asyncio.create_task(supervise(children, log=log, pace=QUICK))
    await log.until(lambda: all(log.count((each.name, "hello")) >= 5 for each in children))
    os.kill(os.getpid(), signal.SIGTERM)
    assert (await running).code == 0
    for how in ("done ended with code 0", "failed ended with code 7", "killed was ended by SIGKILL"):
        said = [line for line in log.of("up") if line.startswith(f"{how}; it starts again in ")]
        assert [line.split()[-2] for line in said[:4]] == ["0.02", "0.04", "0.08", "0.1"]


async def test_the_end_of_the_main_child_is_the_end_of_the_run() -> None:
    log = Lines()
    main = python("main", "import time; time.sleep(0.5)", is_main=True)
    assert await supervise([python("worker", WAITING), main], log=log, pace=QUICK) == Ended(
        0, was_stopped=False
    )
    assert log.of("up") == ["main ended with code 0", "worker was ended by SIGTERM"]


async def test_a_signal_that_comes_when_the_main_child_has_finished_is_told_all_the_same() -> None:
    log = Lines()
    children = [python("deaf", DEAF), python("main", "import time; time.sleep(0.5)", is_main=True)]
    running = asyncio.create_task(supervise(children, log=log, pace=replace(QUICK, grace_s=2.0)))
    await log.has("up", "main ended with code 0")
    os.kill(os.getpid(), signal.SIGINT)
    assert await running == Ended(0, was_stopped=True)


async def test_a_main_child_that_fails_starts_again(tmp_path: Path) -> None:
    log = Lines()
    script = f"import pathlib, sys; p = pathlib.Path({str(tmp_path / 'ran')!r})\n"
    script += "if not p.exists(): p.touch(); sys.exit(1)"
    assert (await supervise([python("main", script, is_main=True)], log=log, pace=QUICK)).code == 0
    assert log.of("up") == ["main ended with code 1; it starts again in 0.02 s", "main ended with code 0"]


async def test_wrong_settings_of_one_child_end_the_run_and_name_it() -> None:
    log = Lines()
    wrong = python("generator", "import sys; print('error: no such model'); sys.exit(2)")
    main = python("main", WAITING, is_main=True)
    assert (await supervise([wrong, main], log=log, pace=QUICK)).code == 2
    assert log.of("generator") == ["error: no such model"] * 3
    assert "generator ended with code 2, 3 times in a row: its lines say what to mend" in log.of("up")
    assert "main was ended by SIGTERM" in log.of("up")


SLOW_TO_END = """
import signal, sys, time
def end(*_):
    print("checkpoint"); time.sleep(0.3); print("written"); sys.exit(CODE)
signal.signal(signal.SIGTERM, end)
print("waits")
# Not one long sleep: a signal just before it begins would be seen when it ends.
for _ in range(1200): time.sleep(0.05)
"""
SAYS_ENDED = SLOW_TO_END.replace("CODE", "0").replace("checkpoint", "told").replace("time.sleep(0.3); ", "")


@pytest.mark.parametrize(("code", "returned"), [(0, 0), (1, 1)])
async def test_a_stop_ends_the_main_child_first_and_says_whether_it_ended_in_order(
    code: int, returned: int
) -> None:
    log = Lines()
    children = [
        python("worker", SAYS_ENDED),
        python("main", SLOW_TO_END.replace("CODE", str(code)), is_main=True),
    ]
    running = asyncio.create_task(supervise(children, log=log, pace=QUICK))
    await log.has("worker", "waits")
    await log.has("main", "waits")
    os.kill(os.getpid(), signal.SIGTERM)
    assert (await running).code == returned
    assert log.index(("main", "written")) < log.index(("worker", "told"))


async def test_a_worker_that_dies_while_the_main_child_ends_does_not_end_it_early() -> None:
    log = Lines()
    children = [
        python("worker", "import time; time.sleep(0.1)"),
        python("main", SLOW_TO_END.replace("CODE", "0"), is_main=True),
    ]
    running = asyncio.create_task(supervise(children, log=log, pace=QUICK))
    await log.has("main", "waits")
    os.kill(os.getpid(), signal.SIGINT)
    assert (await running).code == 0
    assert ("main", "written") in log


async def test_a_child_that_ignores_the_stop_is_killed_after_its_grace() -> None:
    log = Lines()
    pace = Pace(grace_s=0.2)
    running = asyncio.create_task(supervise([python("deaf", DEAF)], log=log, pace=pace))
    await log.has("deaf", "waits")
    os.kill(os.getpid(), signal.SIGTERM)
    assert (await running).code == 0
    assert "deaf has not ended within 0.2 s and is killed" in log.of("up")


async def test_a_second_signal_kills_at_once_and_is_no_clean_end() -> None:
    log = Lines()
    children = [python("worker", DEAF), python("main", DEAF, is_main=True)]
    running = asyncio.create_task(supervise(children, log=log, pace=Pace()))
    await log.has("worker", "waits")
    await log.has("main", "waits")
    began = time.monotonic()
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.sleep(0.1)
    os.kill(os.getpid(), signal.SIGTERM)
    assert (await running).code == 1
    assert time.monotonic() - began < Pace().grace_s


async def test_a_stop_does_not_wait_for_what_is_to_start_again() -> None:
    log = Lines()
    pace = Pace(first_wait_s=60.0)
    running = asyncio.create_task(supervise([python("worker", "raise SystemExit(1)")], log=log, pace=pace))
    await log.has("up", "worker ended with code 1; it starts again in 60 s")
    os.kill(os.getpid(), signal.SIGTERM)
    async with asyncio.timeout(10):
        assert (await running).code == 0


async def test_what_a_child_leaves_behind_is_killed_and_does_not_hold_up_its_next_start() -> None:
    log = Lines()
    script = f"""
import subprocess, sys
print(subprocess.Popen([sys.executable, "-I", "-S", "-c", {WAITING!r}]).pid)
sys.exit(1)
"""
    running = asyncio.create_task(supervise([python("worker", script)], log=log, pace=QUICK))
    await log.has("up", "worker ended with code 1; it starts again in 0.04 s")
    first, *_ = log.of("worker")
    assert await ended(int(first))
    os.kill(os.getpid(), signal.SIGTERM)
    assert (await running).code == 0


async def test_lines_of_any_length_and_bytes_reach_the_log_whole() -> None:
    log = Lines()
    script = r"""
import sys
out = sys.stdout.buffer
out.write(b"bad \xff byte\n" + b"x" * 300_000 + b"\n" + "⊢ ∀ x".encode() + b"\n")
out.write(b"10%\r 50%\r100%\n\nwindows\r\nno end")
out.flush()
sys.stderr.write("")
"""
    assert (await supervise([python("main", script, is_main=True)], log=log, pace=QUICK)).code == 0
    first, *long, lean, bar, empty, windows, last = log.of("main")
    assert first == r"bad \xff byte"
    assert "".join(long) == "x" * 300_000
    assert (lean, bar, empty, windows, last) == ("⊢ ∀ x", "100%", "", "windows", "no end")


async def test_a_line_that_never_ends_does_not_pile_up() -> None:
    log = Lines()
    script = "import time\nprint('x' * 200_000, end='', flush=True); time.sleep(60)"
    running = asyncio.create_task(supervise([python("worker", script)], log=log, pace=QUICK))
    await log.until(lambda: sum(map(len, log.of("worker"))) > 100_000)
    os.kill(os.getpid(), signal.SIGTERM)
    await running


def test_the_log_is_plain_in_a_file_and_coloured_on_a_terminal() -> None:
    def written(*, terminal: bool) -> str:
        file = io.StringIO()
        colours: Literal["standard", "auto"] = "standard" if terminal else "auto"
        log = console_log(Console(file=file, force_terminal=terminal, color_system=colours, width=20))
        for name in ("trainer", "verifier"):
            log(name, "[red]a line longer than the terminal is wide[/red]")
        return file.getvalue()

    line = "[red]a line longer than the terminal is wide[/red]"
    assert written(terminal=False) == f"trainer | {line}\nverifier | {line}\n"
    assert written(terminal=True) == f"\x1b[36mtrainer | \x1b[0m{line}\n\x1b[35mverifier | \x1b[0m{line}\n"


def test_the_log_survives_a_terminal_that_knows_only_ascii() -> None:
    file = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    console_log(Console(file=file))("worker", "⊢ p")
    assert file.buffer.getvalue() == b"worker | \\u22a2 p\n"


SUPERVISOR = f"""
import asyncio, sys
from trainer.launch.supervisor import Child
from trainer.launch.supervisor import supervise
script = "import os; print(os.getpid()); " + {DEAF!r}
command = (sys.executable, "-S", "-c", script)
asyncio.run(supervise([Child("one", command), Child("two", command, is_main=True)]))
"""


async def test_no_child_outlives_a_supervisor_that_was_killed() -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SUPERVISOR, cwd=ROOT, stdout=subprocess.PIPE
    )
    assert parent.stdout is not None
    lines = [(await parent.stdout.readline()).decode() for _ in range(4)]
    assert lines.count("one | waits\n") == lines.count("two | waits\n") == 1
    pids = [int(line.split()[-1]) for line in lines if "waits" not in line]
    assert all(map(process_tree, pids))
    parent.kill()
    await parent.wait()
    assert all([await ended(pid) for pid in pids])


CLIENT = """
import sys
from verifier.streams.connection import connect
connect(sys.argv[1]).rpush("starts", "one")
print("connected")
import time
time.sleep(60)
"""


async def until_answered(ask: Callable[[], object]) -> object:
    for attempt in itertools.count():
        try:
            return await asyncio.to_thread(ask)
        except redis.ConnectionError:
            if attempt == 300:
                raise
            await asyncio.sleep(0.05)
    raise AssertionError


async def test_a_killed_redis_is_back_at_its_url_with_its_data(tmp_path: Path) -> None:
    log = Lines()
    with server_socket() as socket:
        url = f"unix://{socket}"
        client_of = Child("client", (sys.executable, "-c", CLIENT, url))
        children = [client_of, redis_child(tmp_path / "redis", socket)]
        running = asyncio.create_task(supervise(children, log=log, pace=QUICK))
        await log.has("client", "connected")
        assert not any(line.startswith("client") for line in log.of("up"))  # it was started late enough
        with connect(url) as client:
            client.waitaof(1, 0, 10_000)
            pid = client.info("server")["process_id"]
            os.kill(pid, signal.SIGKILL)
            assert await ended(pid)
            assert await until_answered(lambda: client.lrange("starts", 0, -1)) == [b"one"]
            assert client.info("server")["process_id"] != pid
        os.kill(os.getpid(), signal.SIGTERM)
        assert (await running).code == 0
        assert "redis was ended by SIGKILL; it starts again in 0.02 s" in log.of("up")
        assert log.of("up")[-2:] == ["client was ended by SIGTERM", "redis ended with code 0"]


async def test_a_service_that_is_not_ready_in_time_ends_the_run_before_anything_else_starts() -> None:
    log = Lines()
    service = Child("redis", (sys.executable, "-c", WAITING), ready=lambda: False)
    main = python("main", "print('started')", is_main=True)
    assert (await supervise([service, main], log=log, pace=Pace(ready_s=0.5))).code == os.EX_TEMPFAIL
    assert log.of("up") == [
        "not ready within 0.5 s: redis; the lines above say why",
        "redis was ended by SIGTERM",
    ]
    assert log.of("main") == []


@pytest.mark.parametrize(
    ("error", "code"), [(InvalidInput("x"), 2), (RedisUnavailable("x"), 75), (WorkerKilled("x"), 75)]
)
def test_commands_tell_what_may_pass_from_what_will_not(
    monkeypatch: pytest.MonkeyPatch, error: ProofmillError, code: int
) -> None:
    def app() -> None:
        raise error

    monkeypatch.setattr(cli, "app", app)
    with pytest.raises(SystemExit) as exit_:
        cli.main()
    assert exit_.value.code == code
