"""A model that does what it is asked: in the file that its prompt shows, a right proof for `sorry`."""

import re

import pytest

from prover.formats.base import Answer, Problem, Prompt
from prover.formats.registry import FORMATS, format_named
from prover.sources.datasets import CORE_HEADER
from prover.theorem import Theorem
from verifier.judging.pool import LeanPool
from verifier.verdict import Status, Submission

HEADERS = {
    "nothing": ("", "theorem t (a b : Nat) : a + b = b + a", "omega"),
    "an import": ("import Lean\n", "theorem t (a b : Nat) : a + b = b + a", "omega"),
    "imports": ("import Init\nimport Lean\n\n", "theorem t (a b : Nat) : a + b = b + a", "omega"),
    "opens": (
        "open Nat List\nopen scoped Function\n",
        "theorem t (a b : Nat) : succ a + b = succ (a + b)",
        "omega",
    ),
    "options": (
        "import Lean\nset_option maxHeartbeats 400000\nset_option autoImplicit false\n\nopen Nat\n",
        "theorem t (a b : Nat) : a + b = b + a",
        "omega",
    ),
    "local notation": (CORE_HEADER, "theorem t (a b : ℕ) : a + b = b + a", "omega"),
    "global notation": (
        'notation "ℕ" => Nat\ninfixl:65 " ⊞ " => Nat.add\n',
        "theorem t (a : ℕ) : a ⊞ 0 = a",
        "rfl",
    ),
    "a definition": ("def twice (n : Nat) : Nat := n + n\n", "theorem t (n : Nat) : twice n = n + n", "rfl"),
    "a definition over lists": (
        "def size (xs : List Nat) := xs.length + 1\n",
        "theorem t (xs : List Nat) : size xs = xs.length + 1",
        "rfl",
    ),
    "an answer": ("abbrev t_solution : Nat := 4\n", "theorem t : 2 + 2 = t_solution", "rfl"),
    "a noncomputable answer": (
        "noncomputable abbrev t_solution : Nat → Nat := fun n =>\n  n + 1\n",
        "theorem t : t_solution 3 = 4",
        "rfl",
    ),
    "a namespace": (
        "namespace Geo\n\ndef side (n : Nat) : Nat := n + 1\n\nvariable (n : Nat)\n",
        "theorem t : side n = n + 1",
        "rfl",
    ),
    "a section": (
        "section\nvariable {α : Type} (x : α)\nuniverse u\n",
        "theorem t : [x].length = 1",
        "rfl",
    ),
    "a type": (
        "inductive Colour where\n  | red\n  | green\nderiving Repr, DecidableEq\n\nopen Colour\n",
        "theorem t : red ≠ green",
        "decide",
    ),
    "a structure and an instance": (
        "structure Point where\n  x : Nat\n  y : Nat\n\n"
        "instance : Add Point := ⟨fun p q => ⟨p.x + q.x, p.y + q.y⟩⟩\n",
        "theorem t (p q : Point) : (p + q).x = p.x + q.x",
        "rfl",
    ),
    "an earlier theorem": (
        "theorem earlier (a : Nat) : a + 0 = a := rfl\n",
        "theorem t (a : Nat) : a + 0 = a",
        "exact earlier a",
    ),
    "comments": (
        "/- Licence:\nimport Nowhere -/\nimport Lean\n-- Of numbers.\n\n"
        "/-! # Numbers -/\n\nopen Nat -- theirs\n",
        "theorem t (a b : Nat) : a + b = b + a",
        "omega",
    ),
    "attributes": (
        "def one : Nat := 1\n\nattribute [local simp] one\n\n@[simp] theorem one_eq : one = 1 := rfl\n",
        "theorem t : one + one = 2",
        "simp",
    ),
}
"""Of each kind a header, a statement under it, and a tactic that proves it."""


def problem_of(kind: str, informal: str) -> Problem:
    header, statement, _ = HEADERS[kind]
    name = "Geo.t" if "namespace" in kind else "t"
    theorem = Theorem(name=name, statement=statement, header=header, source="test", split="test")
    return Problem(theorem, informal)


def shown(prompt: Prompt) -> str:
    """The file that a prompt shows, up to where its block ends."""
    text = prompt if isinstance(prompt, str) else prompt[-1].content
    (file,) = re.findall(r"```lean4\n(.*?)(?:\n```|\Z)", text, re.DOTALL)
    return str(file)


def perfect(name: str, problem: Problem, tactic: str) -> Answer:
    """What is read of the answer of a perfect model that is asked in this format."""
    asked = format_named(name)
    if not asked.is_chat:
        assert shown(asked.prompt(problem)).rstrip().endswith(":= by")
        return asked.answer(f"  {tactic}\n```\n")
    before, sorry, behind = shown(asked.prompt(problem)).rpartition("sorry")
    assert sorry and not behind.strip()
    return asked.answer(f"Step by step.\n</think>\n```lean4\n{before}{tactic}\n```\nThat is all.")


async def judged(pool: LeanPool, problem: Problem, answer: Answer) -> tuple[Status, str]:
    theorem = problem.theorem
    submission = Submission(
        id="s", statement=theorem.statement, header=theorem.header, proof=answer.proof, code=answer.code
    )
    verdict = await pool.verify(submission)
    return verdict.status, verdict.reason


@pytest.mark.parametrize("kind", HEADERS)
async def test_a_right_proof_in_the_file_of_the_prompt_is_proved_in_every_format(
    pool: LeanPool, kind: str
) -> None:
    problem, tactic = problem_of(kind, "Show that it holds."), HEADERS[kind][2]
    answers = {perfect(name, problem, tactic) for name in FORMATS if name != "completion"}
    # Several formats show the same file; one shows it without the words.
    assert len(answers) == 3
    for answer in answers:
        assert await judged(pool, problem, answer) == (Status.PROVED, f"`{problem.theorem.name}` is proved")


@pytest.mark.parametrize("kind", HEADERS)
async def test_the_theorem_alone_is_proved_and_the_file_as_it_was_shown_is_not(
    pool: LeanPool, kind: str
) -> None:
    _, statement, tactic = HEADERS[kind]
    problem = problem_of(kind, "")
    assert (await judged(pool, problem, Answer(code=f"{statement} := by\n  {tactic}\n")))[0] == Status.PROVED
    code = shown(format_named("deepseek-v2").prompt(problem))
    assert (await judged(pool, problem, Answer(code=code)))[0] == Status.INCOMPLETE
