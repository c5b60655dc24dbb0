"""A learner, a curriculum policy, an engine, a prompt format and a prover are each one file and one line.

The toys of `tests/support/choices` are put into a copy of the packages, each as its file and its line in a
registry, and nothing else; then the copy uses them by their names.
"""

import asyncio
import difflib
import filecmp
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from tests.support import choices
from tests.support.places import ROOT
from trainer.model.policy import save_policy

PACKAGES = ("verifier", "prover", "trainer")


@dataclass(frozen=True)
class Choice:
    """A module of `tests/support/choices`, the folder that it goes to, and its line in a registry."""

    module: str
    folder: str
    registry: str
    line: str


CHOICES = (
    Choice(
        "cloning",
        "trainer/learners",
        "trainer/learners/registry.py",
        '    "cloning": "trainer.learners.cloning:LEARNER",',
    ),
    Choice(
        "last_first",
        "trainer/curriculum/policies",
        "trainer/curriculum/policies/registry.py",
        '    "last_first": "trainer.curriculum.policies.last_first:LAST_FIRST",',
    ),
    Choice(
        "parrot",
        "prover/generators",
        "prover/generators/registry.py",
        '    "parrot": "prover.generators.parrot:open_engine",',
    ),
    Choice(
        "marked",
        "prover/formats",
        "prover/formats/registry.py",
        '    "marked": "prover.formats.marked:MARKED",',
    ),
    Choice(
        "guess",
        "prover/evaluation/provers",
        "prover/evaluation/provers/registry.py",
        '    "guess": "prover.evaluation.provers.guess:open_guess",',
    ),
)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The three packages with a toy of each kind."""
    copy = tmp_path_factory.mktemp("copy")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
    for choice in CHOICES:
        folder = Path(*choices.__path__)
        shutil.copy(folder / f"{choice.module}.py", copy / choice.folder)
        registry = copy / choice.registry
        before, opening, rest = registry.read_text("utf-8").partition(": Mapping[str, str] = {\n")
        registry.write_text(f"{before}{opening}{choice.line}\n{rest}", "utf-8")
    return copy


def environment(copy: Path) -> dict[str, str]:
    # The tests' own helpers come from here, and the packages from the copy.
    return {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (copy, ROOT))), "OMP_NUM_THREADS": "1"}


def said(copy: Path, script: str, *arguments: Path) -> Any:
    """What a script prints as JSON that runs on the copy."""
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        cwd=copy,
        env=environment(copy),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_a_choice_is_one_new_file_and_one_line(copy: Path) -> None:
    files = {
        path.relative_to(copy)
        for package in PACKAGES
        for path in (copy / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    new = {str(file) for file in files if not (ROOT / file).exists()}
    assert new == {f"{choice.folder}/{choice.module}.py" for choice in CHOICES}
    changed = {
        str(file)
        for file in files
        if (ROOT / file).exists() and not filecmp.cmp(copy / file, ROOT / file, shallow=False)
    }
    assert changed == {choice.registry for choice in CHOICES}
    for choice in CHOICES:
        before, after = ((root / choice.registry).read_text("utf-8").splitlines() for root in (ROOT, copy))
        lines = [line for line in difflib.ndiff(before, after) if line[0] in "+-"]
        assert lines == [f"+ {choice.line}"]


LEARN = """
import json, sys
from pathlib import Path
from tests.support.toys import rollout, sample_of, unchanged, weights
from trainer.config import load_config
from trainer.experiments.variants import ARMS, arm_title
from trainer.learners.registry import title_of
from trainer.run.student import Lesson, Student
from docs.tables import TABLES
from verifier.verdict import Status

config = load_config(Path(sys.argv[1]))
student = Student(Lesson(config, Path(sys.argv[2]), ()))
proved = rollout(sample_of(student.tokenizer, "by simp"), Status.PROVED)
refuted = rollout(sample_of(student.tokenizer, "by omega"), Status.REJECTED)
before = weights(student.model)
stats = student.update([proved, refuted])
state = student.state()
resumed = Student(Lesson(config, Path(sys.argv[2]), (), state))
print(json.dumps({
    "rate": config.learner.learning_rate,
    "seed": config.learner.seed,
    "steps": stats.optimizer_steps,
    "sequences": stats.sequences,
    "learned": not unchanged(student.model, before),
    "goes on": resumed.update([proved]) == student.update([proved]),
    "arm": ARMS["cloning"],
    "titles": [title_of("cloning"), arm_title("cloning")],
    "table": TABLES["cloning"](),
}))
"""


@pytest.mark.e2e
def test_a_learner_is_named_in_the_settings_and_learns(
    copy: Path, model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    settings, start = tmp_path / "run.toml", tmp_path / "v0000"
    settings.write_text(
        'algorithm = "cloning"\nseed = 5\n[cloning]\nlearning_rate = 0.01\n[compute]\ndevice = "cpu"\n'
    )
    save_policy(model, tokenizer, start)
    found = said(copy, LEARN, settings, start)
    assert found.pop("table").startswith("| `[cloning]` |")
    assert found == {
        "rate": 0.01,
        "seed": 5,
        "steps": 1,
        "sequences": 1,
        "learned": True,
        "goes on": True,
        "arm": {"algorithm": "cloning"},
        "titles": ["Cloning", "Cloning"],
    }


CHOOSE = """
import json, sys
from pathlib import Path
from prover.theorem import Theorem
from trainer.config import load_config
from trainer.curriculum.catalogue import ListedTheorems
from trainer.curriculum.scheduler import Outcome, Scheduler
from trainer.experiments.variants import ARMS, arm_title

names = [f"t{n}" for n in range(9)]
statement = "theorem t : True"
theorems = [Theorem(name=name, statement=statement, source="s", split="train") for name in names]
scheduler = Scheduler(ListedTheorems(theorems), load_config(Path(sys.argv[1])).curriculum, samples=4, seed=0)
chosen = scheduler.choose(2)
scheduler.observe([Outcome(choice.index, 1, 3) for choice in chosen])
print(json.dumps({
    "chosen": [choice.theorem.name for choice in chosen],
    "rank": scheduler.why("t7").rank,
    "arm": ARMS["curriculum_last_first"],
    "title": arm_title("curriculum_last_first"),
}))
"""


@pytest.mark.e2e
def test_a_curriculum_policy_is_named_in_the_settings_and_chooses(copy: Path, tmp_path: Path) -> None:
    settings = tmp_path / "run.toml"
    settings.write_text('[curriculum]\npolicy = "last_first"\n')
    assert said(copy, CHOOSE, settings) == {
        "chosen": ["t8", "t7"],
        "rank": 2,
        "arm": {"curriculum": {"policy": "last_first"}},
        "title": "Curriculum: Last first",
    }


SAMPLE = """
import json, sys
from pathlib import Path
from prover.generators.base import EngineSettings, SamplingParams
from prover.generators.messages import Order, Task
from prover.generators.registry import open_engine
from prover.generators.worker import load_with, sample_order
from prover.theorem import Theorem
from trainer.config import load_config

theorem = Theorem(name="t", statement="theorem t : True", source="s", split="train")
how = SamplingParams(samples=2)
task = Task(id="g", theorem=theorem, policy="v0", policy_version=0, sampling=how)
with open_engine(load_config(Path(sys.argv[1])).generator.engine, EngineSettings()) as engine:
    sampled = sample_order(load_with(engine), Order(tasks=(task,)))
print(json.dumps([[attempt.id, attempt.proof] for attempt in sampled.attempts]))
"""


@pytest.mark.e2e
def test_an_engine_is_named_in_the_settings_and_samples_for_a_worker(copy: Path, tmp_path: Path) -> None:
    settings = tmp_path / "run.toml"
    settings.write_text('[generator]\nengine = "parrot"\n')
    assert said(copy, SAMPLE, settings) == [["g/0", "ANSWER by decide"], ["g/1", "ANSWER by decide"]]


MEASURE = """
import json, sys
from pathlib import Path
from prover.generators.base import SamplingParams
from trainer.config import load_config
from trainer.experiments.held_out import generator_of

with generator_of(load_config(Path(sys.argv[1])), Path("no-policy")) as generator:
    print(json.dumps([sample.text for sample in generator.sample(["t"], SamplingParams(samples=1))[0]]))
"""


@pytest.mark.e2e
def test_an_engine_is_named_in_the_settings_and_measured_by_demo_and_compare(
    copy: Path, tmp_path: Path
) -> None:
    settings = tmp_path / "run.toml"
    settings.write_text('[generator]\nengine = "parrot"\n')
    assert said(copy, MEASURE, settings) == ["ANSWER by decide"]


async def proofmill(copy: Path, *arguments: str | Path) -> None:
    """Run a command of the copy."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "trainer.cli",
        *map(str, arguments),
        cwd=copy,
        env=environment(copy),
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await asyncio.wait_for(process.communicate(), 300)
    assert process.returncode == 0, errors.decode()


@pytest.fixture
def benchmark(tmp_path: Path) -> Path:
    path = tmp_path / "benchmark.jsonl"
    theorems = {
        "decidable": "theorem decidable : 2 + 2 = 4",
        "linear": "theorem linear (a : Nat) : a < a + 1",
    }
    rows = [
        {"name": name, "split": "test", "formal_statement": f"{statement} := by\n", "header": ""}
        for name, statement in theorems.items()
    ]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


@pytest.mark.e2e
async def test_an_engine_and_a_format_are_named_to_an_evaluation_and_prove(
    copy: Path,
    url: str,
    benchmark: Path,
    model: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    tmp_path: Path,
) -> None:
    policy, out = tmp_path / "policy", tmp_path / "out"
    save_policy(model, tokenizer, policy)
    named = ("--generator", "parrot", "--format", "marked", "--model", policy)
    await proofmill(copy, "eval", "run", benchmark, *named, "--samples", "1", "--url", url, "--out", out)
    summary = json.loads((out / "summary.json").read_bytes())
    assert (summary["n"], summary["solved"], summary["unknown"]) == (2, 1, 0)
    assert summary["fingerprint"]["generator"] == "parrot" and summary["fingerprint"]["format"] == "marked"


@pytest.mark.e2e
async def test_a_prover_is_named_to_an_evaluation_and_proves(
    copy: Path, url: str, benchmark: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    await proofmill(
        copy, "eval", "run", benchmark, "--generator", "guess", "--samples", "1", "--url", url, "--out", out
    )
    summary = json.loads((out / "summary.json").read_bytes())
    assert (summary["n"], summary["solved"], summary["unknown"]) == (2, 2, 0)
    assert summary["fingerprint"]["generator"] == "guess"
