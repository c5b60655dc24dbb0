"""Known holes of Lean's kernel, each rendered anew: never `proved`, though this Lean's kernel accepts it.

As text they stand in `tests/redteam/cheats/kernel_holes.lean`; here they come as data that no Lean made,
to an auditor and to another one whose guard is taken out, which shows that it is the guard that refuses.
What is honest and looks alike stands in `tests/redteam/controls/kernel_holes.lean`.

Not rendered: #14484 (an export has no way to write a free variable); #14806 beyond the shape that it needs,
except where the text of #14576 uses it; #14833 (GMP's corner cases are not told); #14838, #14849, #15241 and
#15289 (a worker of WebAssembly has no 18 GB).
"""

import re
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from tests.redteam.corpus import Case, read_cases
from tests.support.places import ROOT
from tests.support.raw_exports import ONE, ZERO, RawExport
from verifier.cli.doctor import diagnose
from verifier.judging.pool import LeanPool
from verifier.judging.protocol import Export, audit_request, check_request
from verifier.judging.rules import judge_audit
from verifier.judging.worker_set import WorkerSet
from verifier.lean import build
from verifier.lean.advisories import ADVISORIES, advisories_of
from verifier.lean.install import find_embedded_lean
from verifier.lean.runtime import LeanRuntime, embedded_runtime
from verifier.lean.source import module_source
from verifier.verdict import Certificate, Kind, Status

TRUE = "theorem t : True"
FALSE = "theorem t : False"
GROUP = "kernel_holes"
CHEATS = [case for case in read_cases("cheats") if case.group == GROUP]
HONEST = [case for case in read_cases("controls") if case.group == GROUP]


def by_id(case: Case) -> str:
    return case.submission.id.partition("/")[2]


@pytest.mark.parametrize("case", CHEATS, ids=by_id)
async def test_no_hole_proves_anything(pool: LeanPool, case: Case) -> None:
    """That the audit decides shows that the kernel of the process that elaborated accepted it all."""
    verdict = await pool.verify(case.submission)
    assert verdict.status in case.must, verdict
    assert verdict.status in (Status.UNSUPPORTED, Status.KERNEL_REJECTED)


@pytest.mark.parametrize("case", HONEST, ids=by_id)
async def test_honest_types_are_accepted(pool: LeanPool, case: Case) -> None:
    verdict = await pool.verify(case.submission)
    assert verdict.status is Status.PROVED, verdict


def test_there_are_enough_honest_types() -> None:
    assert len(HONEST) >= 25


# As data.


def used(raw: RawExport) -> Export:
    """The theorem `t : True` behind what was declared: all of an export has to be accepted."""
    true = raw.const("True")
    raw.theorem("t", true, raw.const("True.intro"))
    return raw.export


def coin() -> Export:
    """lean4#14613: a proof of `False` by a proposition that the kernel does not see as one."""
    raw = RawExport()
    hidden = raw.sort(raw.level("imax", ONE, ZERO))
    boolean, coin, prop = raw.const("Bool"), raw.const("Coin"), raw.sort(ZERO)
    raw.inductive(("Rim", prop, ()), ("Coin", hidden, [("Coin.toss", raw.pi(boolean, coin))]))
    raw.define("Tossed", prop, coin)
    tossed = raw.const("Tossed")
    raw.define("side", raw.pi(tossed, boolean), raw.lam(tossed, raw.proj("Coin", 0, raw.var(0))))
    toss = raw.const("Coin.toss")
    for name, side in (("heads", "true"), ("tails", "false")):
        raw.define(name, tossed, raw.app(toss, raw.const(f"Bool.{side}")))
    heads, tails = raw.const("heads"), raw.const("tails")
    refl = raw.app(raw.const("Eq.refl", ZERO), tossed, heads)
    raw.theorem("same", raw.app(raw.const("Eq", ZERO), tossed, heads, tails), refl)
    sides = raw.app(
        raw.const("congrArg", ZERO, ONE), tossed, boolean, heads, tails, raw.const("side"), raw.const("same")
    )
    false = raw.const("False")
    true, no = raw.const("Bool.true"), raw.const("Bool.false")
    absurd = raw.app(raw.const("Bool.noConfusion", ZERO), false, true, no, sides)
    raw.theorem("t", false, absurd)
    return raw.export


def ill_typed_parameter() -> Export:
    """lean4#14576: the parameter of the nested occurrence is a projection out of no structure."""
    raw = RawExport()
    nat, type_ = raw.const("Nat"), raw.sort(ONE)
    ghost, t = raw.const("Ghost"), raw.const("T")
    raw.inductive(
        (
            "Ghost",
            raw.pi(type_, nat, type_),
            [("Ghost.mk", raw.pi(type_, nat, raw.app(ghost, raw.var(1), raw.var(0))))],
        ),
        arity=2,
    )
    wrong = raw.proj("Prod", 0, raw.var(0))
    field = raw.app(ghost, raw.app(t, raw.var(0)), wrong)
    raw.inductive(("T", raw.pi(nat, type_), [("T.mk", raw.pi(nat, field, raw.app(t, raw.var(1))))]), arity=1)
    return used(raw)


def simple(make: Callable[[RawExport, int, int], int]) -> Export:
    """A type `T : Type` with a constructor of one field, whose type is made of `Type` and `T`."""
    raw = RawExport()
    type_, t = raw.sort(ONE), raw.const("T")
    raw.inductive(("T", type_, [("T.mk", raw.pi(make(raw, type_, t), t))]))
    return used(raw)


def behind_a_definition() -> Export:
    """lean4#14806, the shape: whether the field is recursive is seen by unfolding."""

    def field(raw: RawExport, type_: int, t: int) -> int:
        return raw.app(raw.const("id", raw.level("succ", ONE)), type_, t)

    return simple(field)


def behind_a_function() -> Export:
    """lean4#14806, the shape: whether the field is recursive is seen by applying a function."""
    return simple(lambda raw, type_, t: raw.app(raw.lam(type_, raw.var(0)), t))


def behind_a_recursor() -> Export:
    """lean4#14806, the shape: whether the field is recursive is for a recursor to say."""

    def field(raw: RawExport, type_: int, t: int) -> int:
        boolean = raw.const("Bool")
        rec = raw.const("Bool.rec", raw.level("succ", ONE))
        return raw.app(rec, raw.lam(boolean, type_), raw.const("Nat"), t, raw.const("Bool.true"))

    return simple(field)


def in_a_nested_type() -> Export:
    """lean4#14806, the shape: the type that it is nested in applies what it is given."""
    raw = RawExport()
    type_, t, box = raw.sort(ONE), raw.const("T"), raw.const("Box")
    raw.define("Wrap", raw.pi(type_, type_), raw.lam(type_, raw.var(0)))
    functions = raw.pi(type_, type_)
    made = raw.app(box, raw.var(2), raw.var(1))
    ctor = raw.pi(functions, type_, raw.app(raw.var(1), raw.var(0)), made)
    raw.inductive(("Box", raw.pi(functions, type_, type_), [("Box.mk", ctor)]), arity=2)
    raw.inductive(("T", type_, [("T.mk", raw.pi(raw.app(box, raw.const("Wrap"), t), t))]))
    return used(raw)


def reduces_away() -> Export:
    """lean4#14582: it occurs with another parameter, in what reduction erases."""
    raw = RawExport()
    nat, type_, t = raw.const("Nat"), raw.sort(ONE), raw.const("T")
    erased = raw.app(raw.lam(type_, nat), raw.app(t, raw.expr("nat", "7")))
    raw.inductive(("T", raw.pi(nat, type_), [("T.mk", raw.pi(nat, erased, raw.app(t, raw.var(1))))]), arity=1)
    return used(raw)


def other_parameter() -> Export:
    """lean4#14582: it occurs with another parameter, in one that nesting drops."""
    raw = RawExport()
    nat, type_, t, ghost = raw.const("Nat"), raw.sort(ONE), raw.const("T"), raw.const("Ghost")
    raw.inductive(
        ("Ghost", raw.pi(type_, type_), [("Ghost.mk", raw.pi(type_, raw.app(ghost, raw.var(0))))]), arity=1
    )
    field = raw.app(ghost, raw.app(t, raw.expr("nat", "7")))
    raw.inductive(("T", raw.pi(nat, type_), [("T.mk", raw.pi(nat, field, raw.app(t, raw.var(1))))]), arity=1)
    return used(raw)


def other_levels() -> Export:
    """lean4#14582: it occurs at another universe level, in a parameter that nesting drops."""
    raw = RawExport()
    type_, ghost, u = raw.sort(ONE), raw.const("Ghost"), raw.param("u")
    raw.inductive(
        ("Ghost", raw.pi(type_, type_), [("Ghost.mk", raw.pi(type_, raw.app(ghost, raw.var(0))))]), arity=1
    )
    any_type = raw.sort(raw.level("succ", u))
    field = raw.app(ghost, raw.app(raw.const("T", ZERO), raw.const("Nat")))
    made = raw.app(raw.const("T", u), raw.var(1))
    raw.inductive(
        ("T", raw.pi(any_type, type_), [("T.mk", raw.pi(any_type, field, made))]), params=["u"], arity=1
    )
    return used(raw)


def sort_by_recursor() -> Export:
    """lean4#14807, the shape: the universe of the type is for a recursor to say."""
    raw = RawExport()
    two = raw.level("succ", ONE)
    boolean, type_ = raw.const("Bool"), raw.sort(ONE)
    rec = raw.const("Bool.rec", raw.level("succ", two))
    stuck = raw.app(rec, raw.lam(boolean, raw.sort(two)), type_, type_, raw.const("Bool.true"))
    raw.inductive(("T", stuck, [("T.mk", raw.const("T"))]))
    return used(raw)


def perhaps_a_proposition() -> Export:
    """lean4#14613: for one choice of its universe parameter, and with a field."""
    raw = RawExport()
    u = raw.param("u")
    any_sort = raw.sort(u)
    made = raw.app(raw.const("T", u), raw.var(1))
    raw.inductive(
        ("T", raw.pi(any_sort, any_sort), [("T.mk", raw.pi(any_sort, raw.var(0), made))]),
        params=["u"],
        arity=1,
    )
    return used(raw)


def reserved_name() -> Export:
    """lean4#14616: a name that the kernel gives to its own auxiliary types."""
    raw = RawExport()
    raw.define("_nested.T_1", raw.sort(ZERO), raw.const("True"))
    t = raw.const("T")
    raw.inductive(("T", raw.sort(ZERO), [("T.mk", raw.pi(raw.const("_nested.T_1"), t))]))
    return used(raw)


HOLES: dict[Callable[[], Export], tuple[str, Status]] = {
    coin: (FALSE, Status.KERNEL_REJECTED),
    ill_typed_parameter: (TRUE, Status.KERNEL_REJECTED),
    behind_a_definition: (TRUE, Status.UNSUPPORTED),
    behind_a_function: (TRUE, Status.UNSUPPORTED),
    behind_a_recursor: (TRUE, Status.UNSUPPORTED),
    in_a_nested_type: (TRUE, Status.UNSUPPORTED),
    reduces_away: (TRUE, Status.UNSUPPORTED),
    other_parameter: (TRUE, Status.UNSUPPORTED),
    other_levels: (TRUE, Status.UNSUPPORTED),
    sort_by_recursor: (TRUE, Status.UNSUPPORTED),
    perhaps_a_proposition: (TRUE, Status.UNSUPPORTED),
    reserved_name: (TRUE, Status.UNSUPPORTED),
}


async def status_of(
    auditors: WorkerSet, statement: str, export: Export, header: str = ""
) -> tuple[Status, str]:
    reply, _ = await auditors.ask(header, audit_request(header, statement, export), 60)
    return judge_audit(reply)


@pytest_asyncio.fixture(scope="module")
async def unguarded(lean_runtime: LeanRuntime) -> AsyncIterator[WorkerSet]:
    """An auditor without guard: levels are read as they are written, and the kernel is shown everything."""
    source = module_source()
    for name, old, new in (
        ("guard", "if kernelIsConcerned then", "if false then"),
        ("max", "return plainMax", "return .max"),
        ("imax", "return plainIMax", "return .imax"),
    ):
        assert source.count(old) == 1, name
        source = source.replace(old, new)
    found = find_embedded_lean()
    assert found is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "module_source", lambda: source)
        runtime = embedded_runtime(found)
    assert runtime.version == lean_runtime.version
    auditors = WorkerSet(runtime, "audit", 1)
    yield auditors
    await auditors.close()


@pytest.mark.parametrize("hole", HOLES, ids=lambda hole: hole.__name__)
async def test_no_hole_is_reached_by_data(
    auditors: WorkerSet, unguarded: WorkerSet, hole: Callable[[], Export]
) -> None:
    statement, expected = HOLES[hole]
    export = hole()
    status, reason = await status_of(auditors, statement, export)
    assert status is expected, reason
    status, reason = await status_of(unguarded, statement, export)
    assert status is Status.PROVED, reason


FALSE_BY_TEXT = ("prop-up-to-universe", "prop-up-to-two-universes", "ill-typed-parameter", "stuck-sort")


@pytest.mark.parametrize("name", FALSE_BY_TEXT)
async def test_what_the_text_exports_proves_false_to_a_kernel_without_the_guard(
    pool: LeanPool, screeners: WorkerSet, auditors: WorkerSet, unguarded: WorkerSet, name: str
) -> None:
    (case,) = (case for case in CHEATS if by_id(case) == name)
    submission = case.submission
    assert submission.statement == FALSE and submission.code is not None
    request = check_request(
        submission.header, submission.statement, submission.code, heartbeats=200_000, kernel=False
    )
    reply, _ = await screeners.ask(submission.header, request, 60)
    assert reply.export is not None, reply
    assert (await status_of(unguarded, FALSE, reply.export, submission.header))[0] is Status.PROVED
    status, _ = await status_of(auditors, FALSE, reply.export, submission.header)
    assert status in case.must


@pytest.mark.parametrize("fields", [10, 2_000])
async def test_a_type_with_many_fields_is_accepted(auditors: WorkerSet, fields: int) -> None:
    """Of 3,900 fields the kernel's own walk ends the worker, with and without the guard."""
    raw = RawExport()
    t = raw.const("T")
    raw.inductive(("T", raw.sort(ONE), [("T.mk", raw.pi(*[raw.const("Nat"), t] * (fields // 2), t))]))
    status, reason = await status_of(auditors, TRUE, used(raw))
    assert status is Status.PROVED, reason


async def test_shared_parts_are_walked_through_once(auditors: WorkerSet) -> None:
    """Written out, the field's type would have 2 ** 40 parts."""
    raw = RawExport()
    pair = field = raw.const("T")
    for _ in range(40):
        pair = raw.const("Prod", ZERO, ZERO)
        field = raw.app(pair, field, field)
    raw.inductive(("T", raw.sort(ONE), [("T.mk", raw.pi(field, raw.const("T")))]))
    status, reason = await status_of(auditors, TRUE, used(raw))
    assert status is Status.PROVED, reason


async def test_a_number_of_parameters_without_end_costs_nothing(auditors: WorkerSet) -> None:
    raw = RawExport()
    raw.inductive(("T", raw.sort(ONE), []), arity=10**12)
    status, reason = await status_of(auditors, TRUE, used(raw))
    assert status in (Status.UNSUPPORTED, Status.KERNEL_REJECTED), reason


async def test_numerals_have_an_end(auditors: WorkerSet) -> None:
    raw = RawExport()
    raw.define("n", raw.const("Nat"), raw.expr("nat", "9" * 400_000))
    raw.theorem("t", raw.const("True"), raw.const("True.intro"))
    status, reason = await status_of(auditors, TRUE, raw.export)
    assert status is Status.INFRA_ERROR and "numeral" in reason


# Versions, and where they are told.


@pytest.mark.parametrize(
    ("version", "concerned", "safe"),
    [
        ("4.28.0-pre (38f3c0c4)", {"14484", "14576", "14613", "14807", "15289"}, set()),
        ("4.9.0", {each.id.partition("#")[2] for each in ADVISORIES}, set()),
        ("4.32.1", {"14576", "14582"}, {"14484"}),
        ("4.32.2", {"14613", "14806"}, {"14576", "14484"}),
        ("4.33.0-rc1", {"14576", "14613"}, set()),
        ("4.33.0", {"14582", "14807"}, {"14576", "14613", "14616"}),
        ("4.33.1", {"15241", "15289"}, {"14582", "14806", "14807", "14838"}),
        ("4.34.0-pre", {"14806"}, {"14576"}),
        ("4.34.0-rc1", {"14806", "14807"}, {"14613"}),
        ("4.34.0-rc2", {"15241"}, {"14806", "14807"}),
        ("4.34.0", {"15241"}, {"14806", "14807"}),
        ("4.34.1", set(), {each.id.partition("#")[2] for each in ADVISORIES}),
        ("5.0.0", set(), {each.id.partition("#")[2] for each in ADVISORIES}),
        ("unknown", {each.id.partition("#")[2] for each in ADVISORIES}, set()),
    ],
)
def test_which_versions_are_concerned(version: str, concerned: set[str], safe: set[str]) -> None:
    found = {each.id.partition("#")[2] for each in advisories_of(version)}
    assert concerned <= found and not safe & found


def test_lean_decides_by_the_same_versions() -> None:
    """`isConcerned` of `Plain.lean` names the versions in which the last of what it guards was fixed."""
    guarded = {"14576", "14582", "14613", "14616", "14806", "14807"}
    for version, is_concerned in (
        ("4.33.0", True),
        ("4.33.1", False),
        ("4.34.0-rc1", True),
        ("4.34.0-pre", True),
        ("4.34.0-rc2", False),
        ("4.34.0", False),
    ):
        found = {each.id.partition("#")[2] for each in advisories_of(version)}
        assert bool(found & guarded) is is_concerned, version


def test_the_docs_have_the_same_table() -> None:
    text = (ROOT / "docs" / "soundness.md").read_text("utf-8")
    rows = re.findall(
        r"^\| \[(lean4#\d+)\]\(\S+\) \| (.+?) \| (.+?) \| (.+?) \| (.+?) \|$", text, re.MULTILINE
    )
    assert rows == [
        (each.id, each.title, ", ".join(each.fixed), each.needs, each.guard) for each in ADVISORIES
    ]


def test_unsupported_is_unknown() -> None:
    assert Status.UNSUPPORTED.kind is Kind.UNKNOWN


def test_an_old_certificate_names_none() -> None:
    old = Certificate(
        name="t",
        statement_sha256="",
        type_sha256="",
        export_sha256="",
        header="",
        axioms=(),
        lean="4.28.0-pre",
    )
    fields = old.model_dump(exclude={"advisories"})
    assert Certificate.model_validate(fields).advisories == ()


async def test_a_certificate_and_doctor_name_the_holes_of_this_lean(pool: LeanPool) -> None:
    verdict = await pool.verify(HONEST[0].submission)
    assert verdict.certificate is not None
    ids = tuple(each.id for each in advisories_of(pool.runtime.version))
    assert verdict.certificate.advisories == ids and "lean4#14807" in ids
    (check,) = (check for check in diagnose() if check.name == "kernel advisories")
    assert all(each.removeprefix("lean4") in check.detail for each in ids)
