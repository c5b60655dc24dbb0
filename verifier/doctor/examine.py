"""An examination: of the machine, of a Lean, and of what that Lean says of proofs and cheats.

The first thing that is broken ends the branch that stands on it: without a worker no proof is judged.
"""

import re
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from verifier.doctor.checks import Check
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
from verifier.errors import InvalidInput, LeanInstallError, LeanNotFound
from verifier.judging.certificate import CertificateStore
from verifier.judging.pool import LeanPool
from verifier.lean.install import find_embedded_lean
from verifier.lean.runtime import LeanRuntime, embedded_runtime, project_runtime
from verifier.options import Options

__all__ = ["examine", "examine_runtime", "find_runtime"]


async def examine(
    project: Path | None, runtime: LeanRuntime | None, *, full: bool, allow_unconfined: bool = False
) -> AsyncIterator[Check]:
    """All checks of this machine and of the Lean in `project`, or the embedded one, as they are made.

    Args:
        runtime: that Lean as `find_runtime` found it, if it did.
        full: whether proofs are judged, which takes minutes.
        allow_unconfined: whether that is done also where nothing confines the candidates.
    """
    for check in examine_machine("embedded" if project is None else "project"):
        yield check
    if project is not None:
        found, check = open_and_say(project)
        yield check
        for check in () if found is None else examine_project(found):
            yield check
    if runtime is None:
        return
    yield advisories(runtime.version)
    yield how_it_runs(runtime)
    async for check in examine_runtime(runtime, full=full, allow_unconfined=allow_unconfined):
        yield check


def find_runtime(project: Path | None) -> tuple[LeanRuntime | None, Check]:
    """The Lean to examine, whose worker is compiled first, and whether that went well; nothing is
    downloaded.
    """
    try:
        if project is not None:
            runtime = project_runtime(project, build_again=True)
        elif (install := find_embedded_lean()) is not None:
            runtime = embedded_runtime(install)
        else:
            return None, Check("worker", True, "none", "there is no Lean yet: run `proofmill lean install`")
    except (LeanNotFound, LeanInstallError, InvalidInput) as error:
        return None, Check("worker", False, "none", str(error))
    return runtime, Check("worker", True, runtime.version, "the worker is there")


async def examine_runtime(
    runtime: LeanRuntime, *, full: bool, allow_unconfined: bool = False
) -> AsyncIterator[Check]:
    """The checks of a Lean that can be started, as far as it may be: cheats are not run unconfined.

    Args:
        allow_unconfined: whether they are after all.
    """
    starts = True
    async for check in examine_start(runtime):
        starts = starts and (check.ok or not check.name.startswith("start"))
        yield check
    if not starts or not (runtime.is_confined or allow_unconfined):
        return
    has_mathlib = any(
        (Path(entry) if Path(entry).is_absolute() else runtime.cwd / entry)
        .joinpath("Mathlib.olean")
        .is_file()
        for entry in runtime.env.get("LEAN_PATH", "").split(":")
    )
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
    if install is None or _release(install.version) != _release(runtime.version):
        return None
    return embedded_runtime(install)


def _release(version: str) -> str:
    """`4.28.0` of `4.28.0-pre (38f3c0c4)`."""
    return re.split(r"[- ]", version)[0]
