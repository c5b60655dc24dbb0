"""The audit on a real Lean: no export is believed, and none takes the auditor down."""

import copy
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.leans.exports import type_of, with_equality
from verifier.doctor.raw_export import MUTATIONS, spoiled
from verifier.errors import InvalidInput
from verifier.judging.certificate import CertificateStore, StoredProof, audit_again, audit_all, stored_proofs
from verifier.judging.pool import LeanPool
from verifier.judging.protocol import AuditReply, Export, audit_request, check_request
from verifier.judging.rules import judge_audit
from verifier.judging.worker_set import WorkerSet
from verifier.lean.runtime import LeanRuntime
from verifier.verdict import Status, Submission

PROOFS = {
    "term": (
        "theorem t (p q : Prop) (hp : p) (hq : q) : p ∧ q",
        "theorem t (p q : Prop) (hp : p) (hq : q) : p ∧ q := ⟨hp, hq⟩",
    ),
    "helper": (
        "theorem t (n : Nat) : n + 0 = n",
        "theorem h (n : Nat) : n + 0 = n := rfl\ntheorem t (n : Nat) : n + 0 = n := h n",
    ),
    "inductive": (
        "theorem t : 1 + 1 = 2",
        """inductive Tree (α : Type u) where
  | leaf (x : α)
  | node (children : List (Tree α))
def Tree.first : Tree Nat → Nat
  | .leaf x => x
  | .node _ => 0
theorem first_leaf (x : Nat) : (Tree.leaf x).first = x := rfl
theorem t : 1 + 1 = 2 := by have := first_leaf 1; rfl""",
    ),
    "universes": (
        "theorem t {α : Sort u} {β : Sort v} (f : α → β) : (fun x => f x) = f",
        """theorem h {α : Sort u} (x : α) : x = x := rfl
theorem t {α : Sort u} {β : Sort v} (f : α → β) : (fun x => f x) = f := h f""",
    ),
    "match": (
        "theorem t (xs : List Nat) : (match xs with | [] => 0 | x :: _ => x) = xs.headD 0",
        """theorem t (xs : List Nat) : (match xs with | [] => 0 | x :: _ => x) = xs.headD 0 := by
  cases xs <;> rfl""",
    ),
    "opaque": (
        "theorem t : ∃ n : Nat, n = n",
        "opaque v : Nat := 3\ntheorem t : ∃ n : Nat, n = n := ⟨v, rfl⟩",
    ),
    "omega": ("theorem t (a b : Nat) : a + b = b + a", "theorem t (a b : Nat) : a + b = b + a := by omega"),
    "literals": (
        'theorem t : "a".length + 100000000000000000000 = 100000000000000000001',
        'theorem t : "a".length + 100000000000000000000 = 100000000000000000001 := by decide',
    ),
}
FALSE = "theorem t : (1 : Nat) = 2"


async def export_of(screeners: WorkerSet, statement: str, code: str) -> Export:
    request = check_request("", statement, code, heartbeats=200_000, kernel=False)
    reply, _ = await screeners.ask("", request, 60)
    assert reply.messages == () and reply.export is not None, reply
    return reply.export


async def audit(auditors: WorkerSet, statement: str, export: Export) -> AuditReply:
    reply, _ = await auditors.ask("", audit_request("", statement, export), 60)
    return reply


@pytest_asyncio.fixture(scope="session")
async def exports(screeners: WorkerSet) -> dict[str, Export]:
    return {name: await export_of(screeners, *proof) for name, proof in PROOFS.items()}


@pytest.mark.parametrize("name", PROOFS)
async def test_what_a_worker_exports_is_accepted(
    auditors: WorkerSet, exports: dict[str, Export], name: str
) -> None:
    reply = await audit(auditors, PROOFS[name][0], exports[name])
    assert judge_audit(reply) == (Status.PROVED, "`t` is proved")


@given(
    name=st.sampled_from(sorted(PROOFS)),
    mutations=st.lists(st.integers(0, len(MUTATIONS) - 1), min_size=1, max_size=4),
    seed=st.integers(0, 2**32),
)
@settings(max_examples=300)
async def test_a_spoiled_export_never_proves_another_statement_nor_takes_the_auditor_down(
    auditors: WorkerSet, exports: dict[str, Export], name: str, mutations: list[int], seed: int
) -> None:
    (pid,) = auditors.pids
    statement = PROOFS[name][0]
    export = spoiled(exports[name], mutations, seed)
    reply = await audit(auditors, statement, export)
    if judge_audit(reply)[0] is Status.PROVED and type_of(export, "t") != type_of(exports[name], "t"):
        assert reply.type is not None
        equal = with_equality(export, exports[name], reply.type)
        assert judge_audit(await audit(auditors, statement, equal))[0] is Status.PROVED
    assert judge_audit(await audit(auditors, FALSE, export))[0] is not Status.PROVED
    assert judge_audit(await audit(auditors, PROOFS["term"][0], exports["term"]))[0] is Status.PROVED
    assert auditors.pids == (pid,)


@pytest.mark.parametrize("name", PROOFS)
async def test_the_kernel_is_asked_whether_types_are_equal_where_the_reader_cannot_tell(
    auditors: WorkerSet, exports: dict[str, Export], name: str
) -> None:
    statement, honest = PROOFS[name][0], exports[name]
    reply = await audit(auditors, statement, honest)
    assert reply.type is not None
    equal = with_equality(honest, honest, reply.type)
    assert judge_audit(await audit(auditors, statement, equal))[0] is Status.PROVED
    other = await audit(auditors, FALSE, exports["term"])
    assert other.type is not None
    unequal = with_equality(honest, honest, other.type)
    assert judge_audit(await audit(auditors, statement, unequal))[0] is Status.KERNEL_REJECTED


TYPE = 6
"""Place of `1 = 2` in the export below; what is added comes after it."""


def false_export(*decls: dict[str, Any], exprs: tuple[list[Any], ...] = ()) -> Export:
    """An export with names `t` (1), `Nat` (3) and `helper` (4), the type `1 = 2`, and what is given."""
    return {
        "names": [[0, "t"], [0, "Eq"], [0, "Nat"], [0, "helper"]],
        "levels": [["succ", 0]],
        "exprs": [
            ["const", 2, 1],
            ["const", 3],
            ["app", 0, 1],
            ["nat", "1"],
            ["app", 2, 3],
            ["nat", "2"],
            ["app", 4, 5],
            *exprs,
        ],
        "decls": list(decls),
    }


async def test_a_declaration_cannot_be_made_twice(auditors: WorkerSet) -> None:
    axiom = {"kind": "axiom", "name": 4, "params": [], "type": 1}
    reply = await audit(auditors, FALSE, false_export(axiom, axiom))
    assert judge_audit(reply)[0] is Status.FORBIDDEN
    assert "`helper` is declared again" in reply.reason


async def test_a_name_of_leans_is_another_one_when_an_export_declares_it(auditors: WorkerSet) -> None:
    """`Nat` is an axiom there, and `1` is not of that type."""
    axiom = {"kind": "axiom", "name": 3, "params": [], "type": TYPE + 1}
    target = {"kind": "theorem", "name": 1, "params": [], "type": TYPE, "value": TYPE}
    reply = await audit(auditors, FALSE, false_export(axiom, target, exprs=(["sort", 1],)))
    assert judge_audit(reply)[0] is Status.KERNEL_REJECTED


async def test_an_axiom_is_found_wherever_it_is(auditors: WorkerSet) -> None:
    helper = {"kind": "axiom", "name": 4, "params": [], "type": TYPE}
    target = {"kind": "theorem", "name": 1, "params": [], "type": TYPE, "value": TYPE + 1}
    reply = await audit(auditors, FALSE, false_export(helper, target, exprs=(["const", 4],)))
    assert judge_audit(reply) == (Status.DISALLOWED_AXIOM, "`t` depends on `helper`")


@pytest.mark.parametrize("name", ["propext", "Classical.choice", "Quot.sound"])
async def test_an_axiom_is_not_allowed_by_the_name_that_a_submission_gives_it(
    auditors: WorkerSet, name: str
) -> None:
    export = false_export(
        {"kind": "axiom", "name": 5, "params": [], "type": TYPE},
        {"kind": "theorem", "name": 1, "params": [], "type": TYPE, "value": TYPE + 1},
        exprs=(["const", 5],),
    )
    *above, last = name.split(".")
    export["names"] += [[6, last], [0, above[0]]] if above else [[0, last]]
    if above:
        # A name may stand before the one that it is part of in no table: so the order is the other one.
        export["names"][-2:] = [[0, above[0]], [5, last]]
        export["decls"][0]["name"] = 6
        export["exprs"][-1][1] = 6
    reply = await audit(auditors, FALSE, export)
    assert judge_audit(reply) == (Status.DISALLOWED_AXIOM, f"`t` depends on `{name}`")


async def test_the_reference_itself_is_no_proof(auditors: WorkerSet) -> None:
    """Where the auditor reads the statement it declares it, with `sorry` for a proof."""
    target = {"kind": "theorem", "name": 4, "params": [], "type": TYPE, "value": TYPE + 1}
    export = false_export(target, exprs=(["const", 1],))
    export["names"][3] = [0, "t"]
    assert judge_audit(await audit(auditors, FALSE, export))[0] is not Status.PROVED


@pytest.mark.parametrize("tag", ["app", "lam", "pi", "let"])
async def test_terms_nested_deeply_are_refused_and_cost_nothing(auditors: WorkerSet, tag: str) -> None:
    (pid,) = auditors.pids
    for depth in (1_000, 3_900, 100_000):
        exprs: list[list[Any]] = []
        for place in range(TYPE, TYPE + depth):
            rows = {
                "app": ["app", place, 1],
                "lam": ["lam", 0, 1, place, "d"],
                "pi": ["pi", 0, 1, place, "d"],
                "let": ["let", 0, 1, 3, place, False],
            }
            exprs.append(rows[tag])
        for kind in ("axiom", "theorem", "def"):
            decl: dict[str, Any] = {
                "kind": kind,
                "hints": 1,
                "name": 1,
                "params": [],
                "type": TYPE + depth,
                "value": TYPE + depth,
            }
            reply = await audit(auditors, FALSE, false_export(decl, exprs=tuple(exprs)))
            status, _ = judge_audit(reply)
            assert status is not Status.PROVED
            assert (status is Status.RESOURCE_EXHAUSTED) is (depth == 100_000)
    assert auditors.pids == (pid,)


async def test_a_declaration_without_a_list_of_parameters_is_not_read(auditors: WorkerSet) -> None:
    decl = {"kind": "axiom", "name": 1, "params": None, "type": TYPE}
    reply = await audit(auditors, FALSE, false_export(decl))
    assert (reply.refused, reply.declaration) == ("infra_error", None)
    assert "`params` is no list" in reply.reason


async def test_a_kept_certificate_is_audited_again_and_each_change_is_named(
    lean_runtime: LeanRuntime, auditors: WorkerSet, tmp_path: Path
) -> None:
    statement, code = PROOFS["inductive"]
    submission = Submission(id="x", statement=statement, code=code)
    async with LeanPool(lean_runtime, certificates=CertificateStore(tmp_path)) as pool:
        verdict = await pool.verify(submission)
    assert verdict.certificate is not None and verdict.certificate.axioms == ()
    ((_, stored),) = stored_proofs(tmp_path)
    assert isinstance(stored, StoredProof) and stored.certificate == verdict.certificate

    async def faults(changed: StoredProof) -> str:
        return "; ".join(await audit_again(auditors, changed, lean_runtime.version, 60))

    assert await faults(stored) == ""
    other = stored.model_copy(update={"statement": FALSE})
    assert "statement_mismatch" in await faults(other) and "the statement is not" in await faults(other)
    export = copy.deepcopy(stored.export)
    export["decls"][-1]["value"] = export["decls"][-1]["type"]
    assert "kernel_rejected" in await faults(stored.model_copy(update={"export": export}))
    older = stored.certificate.model_copy(update={"lean": "4.0.0"})
    assert "made with Lean 4.0.0" in await faults(stored.model_copy(update={"certificate": older}))


OLD_CERTIFICATES = Path(__file__).parent / "old_certificates"
"""Made when an auditor still believed names: two of right proofs, two of false theorems."""


async def test_of_certificates_made_before_those_are_named_that_no_longer_hold(
    lean_runtime: LeanRuntime,
) -> None:
    audits = await audit_all(stored_proofs(OLD_CERTIFICATES), lean_runtime, 60)
    faults = {file.stem: found for file, found in audits}
    assert faults["match"] == faults["commutes"] == []
    (own_match,) = faults["own_match"]
    assert own_match.startswith("statement_mismatch") and "its own `t.match_1`" in own_match
    (own_gcd,) = faults["own_gcd"]
    assert own_gcd.startswith("kernel_rejected")


LEAVES = """def leaves (n : Nat) : Nat → Nat
  | 0 => n
  | k + 1 => leaves (2 * n) k + leaves (2 * n + 1) k"""
"""A tree that is shallow and has 2 ^ k leaves, each another number."""


async def test_what_only_evaluating_shows_to_be_the_statement_is_evaluated(pool: LeanPool) -> None:
    """The file's own `leaves` is written otherwise than the header's."""
    statement = "theorem t : leaves 1 6 = leaves 1 6"
    code = LEAVES.replace("2 * n", "n * 2") + f"\n\n{statement} := rfl"
    verdict = await pool.verify(Submission(id="x", header=LEAVES, statement=statement, code=code))
    assert verdict.status is Status.PROVED, verdict.reason
    assert pool.undecided == 0


async def test_a_directory_without_certificates_says_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="--keep-certificates"):
        list(stored_proofs(tmp_path))
    (tmp_path / "x.json").write_text("{")
    ((_, reason),) = stored_proofs(tmp_path)
    assert isinstance(reason, str) and "no certificate" in reason
