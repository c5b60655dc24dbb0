"""Certificates: what an auditor accepted, kept so that anyone can audit it again.

A stored certificate is a JSON file with the certificate, the statement and the export.  Checking it needs
nothing of the candidate's text, and trusts nothing of the file.
"""

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from verifier.errors import InvalidInput, NoAnswer
from verifier.judging.protocol import AuditReply, Export, audit_request
from verifier.judging.rules import judge_audit
from verifier.judging.worker_set import WorkerSet
from verifier.lean.advisories import advisories_of
from verifier.lean.runtime import LeanRuntime
from verifier.verdict import Certificate, Status, Submission

__all__ = ["CertificateStore", "StoredProof", "audit_again", "audit_all", "certify", "stored_proofs"]


class StoredProof(BaseModel):
    """A file of a certificate store."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    certificate: Certificate
    statement: str
    export: Export


def certify(
    submission: Submission,
    export: Export,
    audit: AuditReply,
    runtime: LeanRuntime,
    *,
    heartbeat_limit: int | None = None,
) -> Certificate:
    """The certificate of an export that was accepted as a proof of the submission's statement."""
    assert audit.declaration is not None and audit.type is not None
    return Certificate(
        name=audit.name,
        statement_sha256=_sha256(submission.statement.encode()),
        type_sha256=_sha256(_canonical(audit.type)),
        export_sha256=_sha256(_canonical(export)),
        header=submission.header,
        axioms=tuple(sorted(audit.declaration.rests_on)),
        lean=runtime.version,
        advisories=tuple(advisory.id for advisory in advisories_of(runtime.version)),
        heartbeat_limit=heartbeat_limit,
    )


class CertificateStore:
    """A directory with a file for each proof, named by the certificate's hash."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InvalidInput(f"cannot keep certificates in {directory}: {error.strerror}") from error

    def keep(self, certificate: Certificate, submission: Submission, export: Export) -> None:
        """Store a proof, whole or not at all.  A file of that name has the same content already.

        Raises:
            InvalidInput: the directory cannot be written to.
        """
        stored = StoredProof(certificate=certificate, statement=submission.statement, export=export)
        name = _sha256(certificate.model_dump_json().encode())[:32]
        try:
            with tempfile.NamedTemporaryFile(
                mode="w", dir=self._directory, suffix=".partial", delete=False, encoding="utf-8"
            ) as file:
                file.write(stored.model_dump_json())
            Path(file.name).replace(self._directory / f"{name}.json")
        except OSError as error:
            raise InvalidInput(f"cannot keep a certificate in {self._directory}: {error.strerror}") from error


def stored_proofs(directory: Path) -> Iterator[tuple[Path, StoredProof | str]]:
    """The stored proofs of a directory by file name; what cannot be read comes as the reason why.

    Raises:
        InvalidInput: it is no directory, or has no certificates.
    """
    files = sorted(directory.glob("*.json")) if directory.is_dir() else []
    if not files:
        raise InvalidInput(f"{directory} holds no certificates: give the directory of --keep-certificates")
    for file in files:
        try:
            yield file, StoredProof.model_validate_json(file.read_bytes())
        except OSError as error:
            yield file, f"cannot be read: {error.strerror}"
        except ValidationError as error:
            yield file, f"is no certificate: {error.errors()[0]['msg']}"


async def audit_again(auditors: WorkerSet, stored: StoredProof, version: str, timeout_s: float) -> list[str]:
    """What does not hold of a stored proof; nothing when all does.

    Args:
        version: of the Lean that the auditors run.

    Raises:
        NoAnswer, PoolClosed: neither says anything about the proof.
    """
    certificate = stored.certificate
    reply, _ = await auditors.ask(
        certificate.header,
        audit_request(certificate.header, stored.statement, stored.export),
        timeout_s,
    )
    faults = []
    status, reason = judge_audit(reply, frozenset(certificate.axioms))
    if status is not Status.PROVED:
        faults.append(f"{status}: {reason}")
    claims: dict[str, tuple[object, object]] = {
        "the statement": (certificate.statement_sha256, _sha256(stored.statement.encode())),
        "the export": (certificate.export_sha256, _sha256(_canonical(stored.export))),
        "the name": (certificate.name, reply.name),
    }
    if reply.type is not None:
        claims["the elaborated type"] = (certificate.type_sha256, _sha256(_canonical(reply.type)))
    if reply.declaration is not None:
        claims["the axioms"] = (certificate.axioms, tuple(sorted(reply.declaration.rests_on)))
    faults += [
        f"{what} is not what the certificate says" for what, (said, found) in claims.items() if said != found
    ]
    if certificate.lean != version:
        faults.append(f"it was made with Lean {certificate.lean}, this is {version}")
    return faults


async def audit_all(
    proofs: Iterable[tuple[Path, StoredProof | str]],
    runtime: LeanRuntime,
    timeout_s: float,
    on_audited: Callable[[], None] = lambda: None,
) -> list[tuple[Path, list[str]]]:
    """What does not hold of each of `stored_proofs`, on one auditor of `runtime`.

    A proof that no auditor answered for does not hold either; the reason says that it was the machine.
    """
    auditors = WorkerSet(runtime, "audit", 1)
    results = []
    try:
        for file, stored in proofs:
            if isinstance(stored, str):
                faults = [stored]
            else:
                try:
                    faults = await audit_again(auditors, stored, runtime.version, timeout_s)
                except NoAnswer as error:
                    faults = [f"{error.status}: {error}"]
            results.append((file, faults))
            on_audited()
    finally:
        await auditors.close()
    return results


def _canonical(export: Export) -> bytes:
    return json.dumps(export, sort_keys=True, separators=(",", ":")).encode()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
