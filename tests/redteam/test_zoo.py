"""The statement zoo: honest files are proved whatever their auxiliaries; taking their names proves nothing.

A slice of it, so that it takes less than a minute; `make redteam` judges all.
"""

from tests.redteam.hunt import Hunted, hunt, with_name
from tests.redteam.primitives import primitive_hijacks
from tests.redteam.run import judge_corpus
from tests.redteam.surface import Surface
from tests.redteam.zoo import VARIANTS, read_zoo, renamed, zoo_cases
from verifier.judging.protocol import Export, check_request
from verifier.judging.worker_set import WorkerSet
from verifier.lean.runtime import LeanRuntime

# Of each kind of auxiliary one: a `match` of numbers, of pairs into propositions, proofs of indices,
# definitions of the header, a namespace.
SLICE = (
    "matches/nat-literal",
    "matches/match-into-prop-of-pairs",
    "indices/two-indices",
    "headers/chain-of-definitions",
    "names/namespace-of-the-header",
)
OF_THEIR_OWN = ("kernel/Nat.gcd", "kernel/String", "axiom/", "borrowed/", "patched/Nat.gcd", "patched/Bool")
"""Hijacks that belong to no statement of the zoo."""


async def export_of(screeners: WorkerSet, statement: str, code: str) -> Export:
    reply, _ = await screeners.ask("", check_request("", statement, code, heartbeats=200_000), 60)
    assert reply.messages == () and reply.export is not None, reply
    return reply.export


def test_the_zoo_is_large_enough_and_every_form_is_in_it() -> None:
    exhibits, cases = read_zoo(), zoo_cases()
    assert len(exhibits) >= 180
    assert len([each for each in exhibits if each.false]) >= 70
    assert {case.group for case in cases} == {f"zoo, {variant}" for variant in VARIANTS}
    assert [case.submission.id for case in cases if not case.is_honest] == []
    assert set(SLICE) <= {each.id for each in exhibits}


def test_a_theorem_gets_another_name_in_its_own_namespace() -> None:
    assert renamed("theorem t.{u} (x : Nat) : x = x", "s") == "theorem s.{u} (x : Nat) : x = x"
    assert renamed("@[simp] theorem A.«b c» : True", "s") == "@[simp] theorem A.s : True"


async def test_honest_forms_of_a_statement_are_proved_whatever_lean_calls_its_auxiliaries(
    lean_runtime: LeanRuntime,
) -> None:
    cases = [
        case for case in zoo_cases() if case.submission.id.removeprefix("zoo/").rpartition("/")[0] in SLICE
    ]
    judged = await judge_corpus(lean_runtime, cases)
    assert [str(each) for each in judged if each.is_false_reject] == []


async def test_no_hijack_is_proved_and_each_reads_like_the_statement(lean_runtime: LeanRuntime) -> None:
    own = [each for each in primitive_hijacks() if each.id.startswith(OF_THEIR_OWN)]
    hunted = await hunt(lean_runtime, [each for each in read_zoo() if each.id in SLICE], own)
    assert len(hunted) >= 50
    assert _named(hunted, "is_false_accept", True) == []
    # Else it would show nothing: Lean itself takes the text, whose theorem has the statement's very names.
    assert _named(hunted, "is_accepted_by_lean", False) == []
    assert _named(hunted, "agrees_by_name", False) == []


async def test_an_export_as_text_elaborates_to_itself(screeners: WorkerSet) -> None:
    statement = "theorem t (o : Option Nat) : (match o with | some k => k + 1 | none => 1) > 0"
    export = await export_of(screeners, statement, f"{statement} := by cases o <;> simp")
    surface = Surface(export)
    text = "\n".join(surface.declaration(decl) for decl in export["decls"])
    again = Surface(await export_of(screeners, statement, text))
    assert "\n".join(again.declaration(decl) for decl in again.export["decls"]) == text


async def test_another_name_is_put_into_an_export(screeners: WorkerSet) -> None:
    code = "def Stand.in_0 : Nat := 1\ntheorem t : Stand.in_0 = 1 := rfl"
    export = await export_of(screeners, "theorem t : 1 = 1", code)
    for name in ("Nat.gcd", "Nat"):
        surface = Surface(with_name(export, "Stand.in_0", name))
        assert [surface.name(decl["name"]) for decl in surface.export["decls"]] == [name, "t"]


def _named(hunted: list[Hunted], attribute: str, value: bool) -> list[str]:
    return [str(each) for each in hunted if getattr(each, attribute) is value]
