"""An examination: of the machine, of a Lean, and of what that Lean says of proofs and cheats.

The first thing that is broken ends the branch that stands on it: without a worker no proof is judged.
"""

import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from verifier.doctor.checks import NONE, Check
from verifier.doctor.exports import examine_exports
from verifier.doctor.installation import examine_project, open_and_say
from verifier.doctor.limits import examine_limits, examine_speed
from verifier.doctor.machine import advisories, examine_machine
from verifier.doctor.patient import TIMEOUT_S, Patient
from verifier.doctor.verdicts import (
    examine_agreement,
    examine_certificates,
    examine_cheats,
    examine_mathlib,
    examine_proofs,
)
from verifier.doctor.worker import examine_memory, examine_sandbox, examine_start, how_it_runs
from verifier.errors import InvalidInput, LeanInstallError
from verifier.judging.certificate import CertificateStore
from verifier.judging.pool import LeanPool
from verifier.lean.advisories import release_of
from verifier.lean.install import find_embedded_lean
from verifier.lean.lake import LakeProject
from verifier.lean.runtime import LeanRuntime, embedded_runtime, opened_runtime
from verifier.options import Options
from verifier.sandbox.confine import RuntimeName

__all__ = ["Found", "examine", "examine_runtime", "find_embedded", "find_in_project"]


@dataclass(frozen=True)
class Found:
    """What there is to examine, and what finding it has shown."""

    checks: tuple[Check, ...]
    runtime: LeanRuntime | None = None
    project: LakeProject | None = None


def find_embedded() -> Found:
    """The embedded Lean, whose worker is compiled first, if it is here; nothing is downloaded."""
    try:
        install = find_embedded_lean()
        runtime = None if install is None else embedded_runtime(install)
    except (LeanInstallError, InvalidInput) as error:
        return Found((_no_worker(error),))
    if runtime is None:
        return Found((Check("worker", True, NONE, "there is no Lean yet: run `proofmill lean install`"),))
    return Found((_worker(runtime),), runtime)


def find_in_project(directory: Path) -> Found:
    """The Lean of a Lake project, whose worker is compiled first, and what its files say."""
    project, answers = open_and_say(directory)
    if project is None:
        return Found((answers,))
    checks = (answers, *examine_project(project))
    try:
        runtime = opened_runtime(project, build_again=True)
    except (LeanInstallError, InvalidInput) as error:
        return Found((*checks, _no_worker(error)), project=project)
    return Found((*checks, _worker(runtime)), runtime, project)


def _worker(runtime: LeanRuntime) -> Check:
    return Check("worker", True, runtime.version, "the worker is there")


def _no_worker(error: Exception) -> Check:
    return Check("worker", False, NONE, str(error))


async def examine(
    found: Found, kind: RuntimeName, *, full: bool, allow_unconfined: bool = False
) -> AsyncIterator[Check]:
    """All checks of this machine and of the Lean that was found, as they are made.

    Args:
        kind: whether that was to be the embedded one, or one of a project.
        full: whether proofs are judged, which takes minutes.
        allow_unconfined: whether that is done also where nothing confines the candidates.
    """
    for check in (*examine_machine(kind), *found.checks):
        yield check
    runtime = found.runtime
    if runtime is None:
        return
    yield advisories(runtime.version)
    yield how_it_runs(runtime)
    has_mathlib = found.project is not None and found.project.mathlib is not None
    async for check in examine_runtime(
        runtime, full=full, has_mathlib=has_mathlib, allow_unconfined=allow_unconfined
    ):
        yield check


async def examine_runtime(
    runtime: LeanRuntime, *, full: bool, has_mathlib: bool = False, allow_unconfined: bool = False
) -> AsyncIterator[Check]:
    """The checks of a Lean that can be started, as far as it may be: cheats are not run unconfined.

    Args:
        has_mathlib: whether a header can import Mathlib.
        allow_unconfined: whether they are after all.
    """
    starts = True
    async for check in examine_start(runtime):
        starts = starts and (check.ok or not check.name.startswith("start"))
        yield check
    if not starts or not (runtime.is_confined or allow_unconfined):
        return
    with tempfile.TemporaryDirectory() as directory:
        certificates = Path(directory)
        options = Options(timeout_s=TIMEOUT_S)
        async with LeanPool(runtime, options=options, certificates=CertificateStore(certificates)) as pool:
            patient = Patient(runtime, pool, certificates)
            async for check in examine_sandbox(patient):
                yield check
            if not full:
                return
            async for check in examine_memory(patient, has_mathlib=has_mathlib):
                yield check
            for part in (
                examine_proofs(patient),
                examine_mathlib(patient, has_mathlib=has_mathlib),
                examine_certificates(patient),
                examine_cheats(patient),
                examine_exports(patient),
                examine_speed(patient),
                examine_limits(patient),
            ):
                async for check in part:
                    yield check
            if runtime.name == "project" and (twin := _embedded_twin(runtime)) is not None:
                async with LeanPool(twin, options=options) as other:
                    yield await examine_agreement(patient, other)


def _embedded_twin(runtime: LeanRuntime) -> LeanRuntime | None:
    """The embedded Lean, if it is here and of the same version."""
    install = find_embedded_lean()
    if install is None or release_of(install.version) != release_of(runtime.version):
        return None
    return embedded_runtime(install)
