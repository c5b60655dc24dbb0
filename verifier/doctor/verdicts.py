"""Proofs that must be accepted and cheats that must not: the corpus of the red team, judged on this Lean."""

from collections.abc import AsyncIterator, Iterable
from itertools import groupby

from verifier.doctor.checks import NONE, Check
from verifier.doctor.corpus import Case, read_case, read_cases
from verifier.doctor.patient import Patient
from verifier.judging.certificate import audit_all, stored_proofs
from verifier.judging.pool import LeanPool
from verifier.verdict import Status, Verdict

__all__ = [
    "examine_agreement",
    "examine_certificates",
    "examine_cheats",
    "examine_mathlib",
    "examine_proofs",
]

OF_A_CLASS = 5
"""Cases judged of each class; `make redteam` judges all."""
LEANS_OWN = (Status.REJECTED, Status.INCOMPLETE)
"""What Lean says of a text by itself: another version may not elaborate what this project has written."""

Judged = list[tuple[Case, Verdict]]


async def examine_proofs(patient: Patient) -> AsyncIterator[Check]:
    """Right proofs: each kind of its own, and the honest ones that look like cheats, class by class."""
    for case in read_cases("proofs"):
        if case.group == "core":
            verdict = await patient.judge_case(case)
            yield _right(f"proof: {case.name}", [(case, verdict)], patient)
    for group, cases in _classes("controls"):
        yield _right(f"honest, like a cheat: {group}", await _judged(patient, cases), patient)


async def examine_cheats(patient: Patient) -> AsyncIterator[Check]:
    """Cheats as text, class by class: none is proved, and each is refused for what is wrong with it."""
    for group, cases in _classes("cheats"):
        judged = await _judged(patient, cases)
        proved = [case.name for case, verdict in judged if verdict.status is Status.PROVED]
        as_expected = [case for case, verdict in judged if verdict.status in case.must]
        figure = f"{len(judged) - len(proved)} of {len(judged)} refused"
        if proved:
            yield Check(f"cheats: {group}", False, figure, f"PROVED: {', '.join(proved)}")
            continue
        # On another version some do not elaborate; if none does, nothing was tried.
        holds = len(as_expected) == len(judged) if patient.knows_the_corpus else bool(as_expected)
        others = [f"{c.name}: {v.status}: {v.reason[:80]}" for c, v in judged if v.status not in c.must]
        says = f"{len(as_expected)} for what is wrong with them" + "".join(f"; {each}" for each in others[:2])
        yield Check(f"cheats: {group}", holds, figure, says)


async def examine_mathlib(patient: Patient, *, has_mathlib: bool) -> AsyncIterator[Check]:
    """Right proofs with Mathlib's tactics, under the headers that published provers prompt with."""
    cases = [case for case in read_cases("proofs") if case.group == "mathlib"]
    if not has_mathlib:
        yield Check(
            "Mathlib's tactics", True, NONE, f"{len(cases)} proofs are judged where a project has Mathlib"
        )
        return
    for case in cases:
        yield _right(f"Mathlib: {case.name}", [(case, await patient.judge_case(case))], patient)


async def examine_certificates(patient: Patient) -> AsyncIterator[Check]:
    """What was proved is audited again, from its certificate alone, by another auditor; and twice it is the
    same.
    """
    case = read_case("proofs", "core/omega")
    first, second = await patient.judge_case(case), await patient.judge_case(case)
    same = first.certificate is not None and first.certificate == second.certificate
    digest = first.certificate.export_sha256[:12] if first.certificate else "none"
    yield Check("the same proof twice", same, digest, "the digest of what it rests on is the same both times")
    stored = [] if first.certificate is None else list(stored_proofs(patient.certificates))
    audited = await audit_all(stored, patient.runtime, 60.0)
    faults = [f"{path.name}: {fault}" for path, found in audited for fault in found]
    figure = f"{len(audited) - len({f.partition(':')[0] for f in faults})} of {len(audited)}"
    says = faults[0] if faults else "certificates hold when another auditor reads them"
    yield Check("certificates audited again", bool(audited) and not faults, figure, says)


async def examine_agreement(patient: Patient, other: LeanPool) -> Check:
    """Whether another Lean of the same version says the same of right proofs and of a cheat of each class."""
    cases = [case for case in read_cases("proofs") if case.group == "core"]
    cases += [of_class[0] for _, of_class in _classes("cheats") if of_class]
    different = []
    for case in cases:
        here, there = await patient.judge_case(case), await other.verify(case.submission)
        types = [None if each.certificate is None else each.certificate.type_sha256 for each in (here, there)]
        if here.status is not there.status or types[0] != types[1]:
            different.append(f"{case.name}: {here.status} / {there.status}")
    says = "; ".join(different[:3]) or "the same statuses and statements"
    figure = f"{len(cases) - len(different)} of {len(cases)}"
    return Check("agrees with the embedded Lean", not different, figure, says)


def _right(name: str, judged: Judged, patient: Patient) -> Check:
    """A check of right proofs.  Where another Lean's version may read a text otherwise, its own errors are no
    fault.
    """
    proved = [case for case, verdict in judged if verdict.status is Status.PROVED]
    wronged = [(c, v) for c, v in judged if v.status is not Status.PROVED]
    excused = [] if patient.knows_the_corpus else [each for each in wronged if each[1].status in LEANS_OWN]
    says = judged[0][0].note if len(judged) == 1 else "honest proofs are proved"
    if wronged:
        says = "; ".join(f"{c.name}: {v.status}: {v.reason[:120]}" for c, v in wronged[:3])
    holds = len(wronged) == len(excused) and (bool(proved) or len(judged) == 1)
    return Check(name, holds, f"{len(proved)} of {len(judged)} proved", says)


def _classes(kind: str) -> Iterable[tuple[str, list[Case]]]:
    """The first cases of each class, without those that are meant to run out of time."""
    for group, cases in groupby(read_cases(kind), key=lambda case: case.group):
        yield group, [case for case in cases if case.seconds is None][:OF_A_CLASS]


async def _judged(patient: Patient, cases: Iterable[Case]) -> Judged:
    return [(case, await patient.judge_case(case)) for case in cases]
