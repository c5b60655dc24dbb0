"""That a file is not `valid` to Kimina's client where the audit refuses a theorem of it; on a real Lean."""

from collections.abc import Mapping

import pytest

from tests.verifier.server.kimina.test_routes import checked, results_of
from verifier.doctor.corpus import Case, read_cases
from verifier.judging.pool import LeanPool
from verifier.judging.text_audit import theorems_of
from verifier.verdict import Status

NOT_PROVED = {
    "an axiom of its own": ("axiom own : 1 = 2\ntheorem t : 1 = 2 := own", "t", "own"),
    "a sorry that shows nowhere": ("theorem t : 1 = 2 := sorryAx _ false", "t", "sorry"),
    "a helper's axiom": (
        "axiom own : 1 = 2\ntheorem helper : 1 = 2 := own\ntheorem t : 2 = 1 := helper.symm",
        "t",
        "own",
    ),
    "a theorem that the last one does not use": (
        "theorem bad : 1 = 2 := sorryAx _ false\ntheorem good : 1 = 1 := rfl",
        "bad",
        "sorry",
    ),
    "a term that no kernel saw": (
        "set_option debug.skipKernelTC true in\ntheorem t : (1 : Nat) = 2 := by decide +kernel",
        "t",
        "kernel_rejected",
    ),
    "an end before the theorem": ("#exit\ntheorem t : 1 = 2 := rfl", "t", "no such theorem"),
}
"""Files of which Lean says nothing bad: the theorem that is not proved, and a word of why it is not."""

PROVED = {
    "lemmas in a namespace": """namespace A
private theorem one : 1 = 1 := rfl
protected theorem two : 2 = 2 := rfl
end A
theorem three : 1 = 1 ∧ 2 = 2 := ⟨rfl, A.two⟩""",
    "universes, and Lean's axioms": """theorem u.{v, w} (α : Type v) (β : Type w) (h : Nonempty α) :
    Nonempty (α × (β → β)) :=
  ⟨(Classical.choice h, id)⟩
theorem c (p : Prop) : p ∨ ¬ p := Classical.em p""",
    "a block, recursion, a definition of its own": """section
variable (n : Nat)
def double : Nat := 2 * n
mutual
theorem even : double n = n + n := by unfold double; omega
end
end
theorem rec : ∀ n : Nat, 0 + n = n
  | 0 => rfl
  | n + 1 => congrArg (· + 1) (rec n)""",
    "quoted names, and comments that name others": """theorem «a.b» : 1 = 1 := rfl -- theorem nothing
/- theorem other : 1 = 2 -/
theorem «a.b».c : 1 = 1 := «a.b»""",
    "a theorem that says True": "theorem t : True := trivial",
    "no theorem at all": "example : 1 = 1 := rfl\n#eval 1",
}


@pytest.mark.parametrize("name", NOT_PROVED)
async def test_a_theorem_that_the_audit_refuses_is_an_error_at_its_name(pool: LeanPool, name: str) -> None:
    code, theorem, why = NOT_PROVED[name]
    (said,) = await checked(pool, code)
    (error,) = [each for each in said["messages"] if each["severity"] == "error"]
    line = code.split("\n")[error["pos"]["line"] - 1]
    assert line[error["pos"]["column"] : error["endPos"]["column"]] == theorem
    assert why in error["data"]


async def test_files_whose_theorems_are_proved_have_no_error(pool: LeanPool) -> None:
    answers = await checked(pool, *PROVED.values())
    errors = {
        name: [each["data"] for each in said["messages"] if each["severity"] == "error"]
        for name, said in zip(PROVED, answers, strict=True)
    }
    assert errors == {name: [] for name in PROVED}


AS_THE_TEXT_SAYS = {
    Status.REJECTED,
    Status.INCOMPLETE,
    Status.DISALLOWED_AXIOM,
    Status.KERNEL_REJECTED,
    Status.FORBIDDEN,
    Status.UNSUPPORTED,
}
"""What a cheat may get that does not depend on the statement: nobody sends one here."""


def file_of(case: Case) -> str:
    """What a user of Kimina's routes sends: there is no other place for the header."""
    submission = case.submission
    own = submission.code or f"{submission.statement} := {submission.proof}"
    return f"{submission.header}\n{own}".replace("\r\n", "\n")


async def valid_among(pool: LeanPool, files: Mapping[str, str]) -> set[str]:
    """The names of the files that are `valid` to Kimina's client."""
    return {
        each["id"]
        for each in await results_of(pool, files)
        if "response" in each
        and not each["response"]["sorries"]
        and all(message["severity"] != "error" for message in each["response"]["messages"])
    }


async def test_a_theorem_behind_a_string_that_ends_elsewhere_is_audited(pool: LeanPool) -> None:
    hidden = 'axiom own : False\ndef a : String := s!"a{ "\\"" }c"\ntheorem t : False := own\n-- "'
    text = 'def a : String := s!"a{ "\\"" }c"'
    honest = f'{text}\n/-- The theorem in question. -/\ntheorem t : True := trivial\n-- "'
    assert await valid_among(pool, {"hidden": hidden, "honest": honest}) == {"honest"}


@pytest.mark.slow
async def test_no_cheat_of_the_red_team_with_a_theorem_of_its_own_is_valid(pool: LeanPool) -> None:
    cheats = {
        case.submission.id: file_of(case)
        for case in read_cases("cheats")
        # What touches the machine may prove on the way what it says.
        if set(case.must) <= AS_THE_TEXT_SAYS and case.seconds is None and case.group != "host_access"
    }
    named = {name: code for name, code in cheats.items() if "t" in {each.name for each in theorems_of(code)}}
    assert len(named) > 100
    assert await valid_among(pool, named) == set()


@pytest.mark.slow
async def test_the_honest_files_of_the_red_team_are_valid(pool: LeanPool) -> None:
    honest = {case.submission.id: file_of(case) for case in read_cases("controls") if case.seconds is None}
    with_sorry = {"sorry/sorry-in-an-example", "sorry/sorry-in-an-unused-lemma"}
    behind_the_end = {"early_exit/exit-at-the-end"}
    refused = honest.keys() - await valid_among(pool, honest)
    assert refused == with_sorry | behind_the_end
