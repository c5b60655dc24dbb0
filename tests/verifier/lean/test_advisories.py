"""Known holes of Lean's kernel, each rendered anew: never `proved`, though this Lean's kernel accepts it.

As text they stand in `verifier/doctor/cheats/kernel_holes.lean`; here they come as data that no Lean made,
to an auditor and to another one whose guard is taken out, which shows that it is the guard that refuses.
What is honest and looks alike stands in `verifier/doctor/controls/kernel_holes.lean`.

Not rendered: #14484 (an export has no way to write a free variable); #14806 beyond the shape that it needs,
except where the text of #14576 uses it; #14833 (GMP's corner cases are not told); #14838, #14849, #15241 and
#15289 (a worker of WebAssembly has no 18 GB).
"""

import re
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from tests.support.places import ROOT
from verifier.doctor.corpus import Case, read_cases
from verifier.doctor.holes import FALSE, HOLES, TRUE, used
from verifier.doctor.machine import advisories
from verifier.doctor.raw_export import ONE, ZERO, RawExport
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

GROUP = "kernel_holes"
CHEATS = [case for case in read_cases("cheats") if case.group == GROUP]
HONEST = [case for case in read_cases("controls") if case.group == GROUP]


def by_id(case: Case) -> str:
    return case.name


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
    check = advisories(pool.runtime.version)
    assert all(each.removeprefix("lean4") in check.says for each in ids)


def test_a_lean_whose_verdicts_would_be_wrong_is_refused() -> None:
    assert not advisories("4.20.0 (77cfc4d1)").ok
    assert advisories("4.20.1").ok and advisories("4.99.0").is_absent
