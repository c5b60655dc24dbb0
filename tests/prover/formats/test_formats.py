"""Prompt formats: what is asked is what the models were trained on, and no answer gets past the statement."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prover.formats.base import Answer, Failed, Problem, Prompt, Turn
from prover.formats.chat import last_block
from prover.formats.fences import blocks_of
from prover.formats.registry import FORMATS, format_named
from prover.theorem import Theorem
from verifier.errors import InvalidInput
from verifier.judging.pool import LeanPool
from verifier.verdict import Message, Severity, Status, Submission

HEADER = "import Mathlib\n\nopen Nat\n\n"
THEOREM = Theorem(
    name="two",
    statement="theorem two (n : ℕ) (h : n = 1) : n + 1 = 2",
    header=HEADER,
    source="test",
    split="test",
)
PROBLEM = Problem(THEOREM, "If $n$ is 1, show that $n + 1$ is 2.")
WORDS = "/-- If $n$ is 1, show that $n + 1$ is 2. -/"


def test_a_policy_of_this_project_continues_the_statement_without_its_name() -> None:
    own = format_named("completion")
    assert own.prompt(PROBLEM) == "(n : ℕ) (h : n = 1) : n + 1 = 2 := "
    assert own.answer("by omega") == Answer(proof="by omega")
    assert own.answer(" \n").missing


@pytest.mark.parametrize(
    ("name", "instruction"),
    [
        ("deepseek-v1.5", "Complete the following Lean 4 code:"),
        (
            "deepseek-v1.5-cot",
            "Complete the following Lean 4 code with explanatory comments preceding each line of code:",
        ),
    ],
)
def test_a_completion_prover_continues_the_file_within_a_block(name: str, instruction: str) -> None:
    asked = format_named(name)
    assert asked.prompt(PROBLEM) == (
        f"{instruction}\n\n```lean4\nimport Mathlib\n\nopen Nat\n\n{WORDS}\n{THEOREM.statement} := by\n"
    )
    assert asked.answer("  -- the rest is arithmetic\n  omega\n```\nThis holds.") == Answer(
        proof="by\n  -- the rest is arithmetic\n  omega"
    )
    assert asked.answer("  omega") == Answer(proof="by\n  omega")
    assert asked.answer("```").missing == "the answer is empty"
    for ending in ("```", " ```<|im_end|>", "\r\n```\r\nQED", "<｜end▁of▁sentence｜>", "\n  ``` QED", "</s>"):
        assert asked.answer(f"  omega{ending}") == Answer(proof="by\n  omega"), ending


def turns(prompt: Prompt) -> tuple[Turn, ...]:
    assert not isinstance(prompt, str)
    return prompt


@pytest.mark.parametrize("name", ["deepseek-v2", "goedel-v2"])
def test_a_planning_prover_is_asked_for_a_plan_and_a_file(name: str) -> None:
    (message,) = turns(format_named(name).prompt(PROBLEM))
    assert message.role == "user"
    assert message.content.startswith(
        "Complete the following Lean 4 code:\n\n```lean4\nimport Mathlib\n\nopen Nat\n\n"
        f"{WORDS}\n{THEOREM.statement} := by\n  sorry\n```\n\nBefore producing the Lean 4 code"
    )


def test_kimina_is_asked_with_the_problem_in_words_before_the_statement() -> None:
    system, user = turns(format_named("kimina").prompt(PROBLEM))
    assert (system.role, system.content) == ("system", "You are an expert in mathematics and Lean 4.")
    assert user.content == (
        "Think about and solve the following problem step by step in Lean 4.\n"
        f"# Problem:{PROBLEM.informal}\n# Formal statement:\n"
        f"```lean4\nimport Mathlib\n\nopen Nat\n\n{THEOREM.statement} := by\n  sorry\n```\n"
    )
    assert "# Problem" not in str(format_named("kimina").prompt(Problem(THEOREM)))


ERRORS = (
    Message(severity=Severity.ERROR, line=2, column=2, start=5, text="unsolved goals\n⊢ False"),
    Message(severity=Severity.ERROR, line=1, column=0, start=-9, text="of the statement"),
)


def test_a_chat_goes_on_with_each_error_marked_where_lean_points() -> None:
    failed = Failed(PROBLEM, "```lean4\nby\n  simp\n```", "by\n  simp", "two errors", ERRORS, round=1)
    asked = format_named("goedel-v2")
    *before, answered, complained = turns(asked.again(failed))
    assert tuple(before) == asked.prompt(PROBLEM)
    assert answered == Turn("assistant", failed.answer)
    assert complained.role == "user"
    assert complained.content == (
        "The proof (Round 1) is not correct. Following is the compilation error message, where we use "
        "<error></error> to signal the position of the error.\n\n"
        "Error 1:\n\nCorresponding Code:\n```lean4\n  <error>simp</error>\n```\n\n"
        "Error Message: unsolved goals\n⊢ False\n\n"
        "Error 2:\n\nError Message: of the statement\n\n"
        "Before producing the Lean 4 code to formally prove the given theorem, provide a detailed analysis "
        "of the error message."
    )


def test_a_text_shows_the_answer_and_its_errors_in_a_comment_that_ends_where_it_should() -> None:
    own = format_named("completion")
    failed = Failed(PROBLEM, "by simp\n", "by simp", "it ends the -/ comment")
    first = own.prompt(PROBLEM)
    assert own.again(failed) == f"{first}by simp\n/- it ends the - / comment -/\n{first}"


def test_a_format_that_there_is_not_is_refused_with_those_there_are() -> None:
    with pytest.raises(InvalidInput, match="kimina"):
        format_named("gpt")


# Answers

FILE = "import Mathlib\n\ntheorem two (n : ℕ) (h : n = 1) : n + 1 = 2 := by\n  subst h\n  rfl"
PLAN = "### Plan\nSubstitute, then compute.\n"


def indented(text: str, by: str) -> str:
    return "\n".join(by + line for line in text.split("\n"))


SKETCH = f"{PLAN}```lean4\ntheorem two : True := by\n  sorry\n```\nNow in full:\n"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (f"{PLAN}```lean4\n{FILE}\n```", FILE),
        (f"{SKETCH}```lean4\n{FILE}\n```\nThat is all.", FILE),
        (f"```LEAN\r\n{FILE}\n```".replace("\r\n", "\n"), FILE),
        (f"  ```lean\n{FILE}\n  ```\n```text\nnothing\n```", FILE),
        (f"<think>\n```lean4\nwrong\n```\n```tactics\nomega\n```\n</think>\n```lean4\n{FILE}\n```", FILE),
        (f"wrong, cut ```lean4\n</think>```lean4\nx\n</think>\n```lean4\n{FILE}\n```\n", FILE),
        (f"```\n{FILE}\n```", FILE),
        ("```lean4\n```", ""),
        # What stands before it and behind it.
        (f"```c++\nint x;\n```\n```lean4\n{FILE}\n```", FILE),
        (f"```lean4\n{FILE}\n```\n```c++\nint x;\n```", FILE),
        (f"```objective-c\nx\n```\n```lean4\n{FILE}\n```\n```json\n{{}}\n```\n", FILE),
        (f"```lean4\n{FILE}\n```\n```python\nprint(1)", FILE),
        (f"```lean4\n{FILE}\n```\nLean says\n```\nno goals\n```", FILE),
        (f"{SKETCH}```\n{FILE}\n```", FILE),
        (f"```markdown\n# Proof\n```lean4\n{FILE}\n```\n```", FILE),
        (f"```python\nprint(1)\n```lean4\n{FILE}\n```", FILE),
        (f"```lean4\ntheorem two :\n```lean4\n{FILE}\n```", FILE),
        (f"```lean4\n{FILE}\n```\n```", FILE),
        (f"```lean4\n{FILE}\n```\n```\nThat is all.", FILE),
        # How its fences are written.
        (f"```lean4\n{FILE}\n``` QED", FILE),
        (f"```lean4\n{FILE}\n```QED", FILE),
        (f"```lean4\n{FILE}\n```.\nDone.", FILE),
        (f"```lean4\n{FILE}\n```<|im_end|>", FILE),
        (f"```lean4\n{FILE}\n```\n<|im_end|>\n", FILE),
        (f"```lean4\n{FILE}\n``` <|endoftext|><|im_start|>user", FILE),
        (f"```lean4\n{FILE}\n```<｜end▁of▁sentence｜>", FILE),
        (f"```lean4\n{FILE}\n```</s>", FILE),
        (f"```lean4\n{FILE}```", FILE),
        (f"```lean4\n{FILE} ```<|eot_id|>", FILE),
        (f"```lean4\n{FILE}\n````", FILE),
        (f"````lean4\n{FILE}\n````", FILE),
        (f"~~~lean4\n{FILE}\n~~~", FILE),
        (f"~~~\n{FILE}\n~~~ QED", FILE),
        (f"```Lean4 {{.numberLines}}\n{FILE}\n```", FILE),
        (f'``` lean title="Two.lean"\n{FILE}\n```', FILE),
        (f"```{{.lean4 .numbered}}\n{FILE}\n```", FILE),
        (f"```lean:Two.lean\n{FILE}\n```", FILE),
        (f"```lean4,noplayground\n{FILE}\n```", FILE),
        (f"**The proof:** ```lean4\n{FILE}\n```", FILE),
        ("- ```lean4\n" + indented(FILE, "  ") + "\n  ```\n- so", FILE),
        ("1. First:\n\n    ```lean4\n" + indented(FILE, "    ") + "\n    ```", FILE),
        ("```lean4\n" + FILE.replace("\n", "\r\n") + "\r\n```\r\n", FILE),
        ("```lean4 theorem two : True := trivial ```", "theorem two : True := trivial"),
        ("```lean4 theorem two : True := by\n  trivial\n```", "theorem two : True := by\n  trivial"),
        ("> ```lean4\n" + indented(FILE, "> ") + "\n> ```\n> so", FILE),
        (f"<answer>```lean4\n{FILE}```</answer>", FILE),
        (f"```lean4\n{FILE}\n```\n```lean4\n```", FILE),
        # What is within it.
        (f"```lean4\n/-- As in\n```lean\nx\n```\n-/\n{FILE}\n```", f"/-- As in\n```lean\nx\n```\n-/\n{FILE}"),
        (f"````lean4\n-- so:\n```\n{FILE}\n````", f"-- so:\n```\n{FILE}"),
        ('```lean4\ntheorem t : "/-" = "/-" := rfl\n```\nso', 'theorem t : "/-" = "/-" := rfl'),
        # Words of thought.
        (f"<think>x</think>\n```lean4\n{FILE}\n```\nI thought up to `</think>` only.", FILE),
        (f"x</think>\n```lean4\n{FILE}\n```\nNo </think> is within, and no <think>.\n", FILE),
        (f"<think>x</think>\n```lean4\n-- </think>\n{FILE}\n```\nQED", f"-- </think>\n{FILE}"),
        (f"Without any `<think>`:\n```lean4\n{FILE}\n```", FILE),
        (f"```lean4\n{FILE}\n```\nThere was no <think>.", FILE),
    ],
)
def test_the_last_block_of_lean_behind_the_thought_is_the_answer(text: str, code: str) -> None:
    assert last_block(text) == Answer(code=code)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no block"),
        ("by omega", "no block"),
        ("```python\nprint(1)\n```", "no block"),
        (f"{SKETCH}```lean4\n{FILE}", "cut off"),
        (f"<think>x</think>{SKETCH}```lean4\n{FILE}\n``", "cut off"),
        (f"{SKETCH}```\n{FILE}\n", "cut off"),
        (f"````lean4\n{FILE}\n```\n", "cut off"),
        (f"```lean4\n{FILE}<|im_end|>", "cut off"),
        (f"```c++\nint x;\n```\n```lean4\n{FILE}", "cut off"),
        (f"<think>so</think>\n```lean4\n{FILE}\n-- </think>\n", "cut off"),
        ("<think>x ```lean4\nx\n```</think>\nI give up.", "no block"),
        ("```lean\r\ntheorem t : 1 = 1 := by\r\n", "cut off"),
        (f"<think>perhaps\n```lean4\n{FILE}\n```", "the chain of thought has no end"),
    ],
)
def test_an_answer_without_a_whole_block_says_why(text: str, reason: str) -> None:
    found = last_block(text)
    assert reason in found.missing and found.code is None


@given(
    st.lists(
        st.sampled_from(
            ["```lean4", "```", "~~~", "````", "```c++", "x := `y`", "/-", "-/", "</think>", "</s>"]
        )
        | st.text(alphabet="`~ \nx", max_size=4),
        max_size=8,
    ),
    st.sampled_from(["", " QED", "<|im_end|>", "\n</s>", "\nSo it holds.\n"]),
)
def test_what_stands_before_a_block_does_not_change_it(before: list[str], behind: str) -> None:
    block = f"```lean4\n{FILE}\n```"
    text = "\n".join(before)
    # What stands before the end of a thought opens nothing behind it.
    if blocks_of(text.rpartition("</think>")[2]).opened is None:
        assert last_block(f"{text}\n{block}{behind}") == Answer(code=FILE)


@given(st.text(alphabet="`lean4\n think</>x", max_size=80))
def test_every_answer_is_a_proof_a_file_or_a_reason(text: str) -> None:
    for each in map(format_named, FORMATS):
        found = each.answer(text)
        assert [found.proof is not None, found.code is not None, bool(found.missing)].count(True) == 1


@pytest.mark.parametrize(
    ("restated", "status"),
    [
        ("theorem two (n : Nat) (h : n = 1) : n + 1 = 2 := by omega", Status.PROVED),
        (
            "theorem helper : 1 + 1 = 2 := rfl\ntheorem two (n : Nat) (h : n = 1) : n + 1 = 2 := h ▸ helper",
            "proved",
        ),
        ("theorem two (n : Nat) (h : n = 1) : n + 0 = n := by omega", Status.STATEMENT_MISMATCH),
        ("theorem two (n : Nat) (h : n = 1) (g : n + 1 = 2) : n + 1 = 2 := g", Status.STATEMENT_MISMATCH),
        ("theorem two' (n : Nat) (h : n = 1) : n + 1 = 2 := by omega", Status.MISSING_DECLARATION),
        ("by omega", Status.REJECTED),
    ],
)
async def test_a_file_that_states_something_else_is_refused(
    pool: LeanPool, restated: str, status: Status
) -> None:
    code = last_block(f"{PLAN}```lean4\n{restated}\n```").code
    statement = "theorem two (n : Nat) (h : n = 1) : n + 1 = 2"
    verdict = await pool.verify(Submission(id="s", statement=statement, code=code))
    assert verdict.status == status
