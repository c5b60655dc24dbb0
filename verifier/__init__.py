"""Judges proofs of Lean 4 theorems: a submission in, a verdict of one of three kinds out.

With a Lean on this machine (the embedded one is installed where it is missing):

    from verifier import LeanPool, Submission

    submission = Submission(id="a", statement="theorem t : 1 + 1 = 2", proof="rfl")
    async with LeanPool() as pool:
        verdict = await pool.verify(submission)

With a server (`proofmill serve`) somewhere else:

    from verifier import Client

    with Client("http://127.0.0.1:8000") as client:
        verdict = client.verify(submission)

A `CertificateStore` given to the pool keeps what is proved, and `resolve_runtime` is the Lean of a project.
Errors that are raised on purpose are `ProofmillError`s; those of a server are `ServiceError`s.

What is named here is the public interface.  The modules below it are its parts and may change.
"""

from typing import TYPE_CHECKING

from verifier.faces import face_of

if TYPE_CHECKING:
    from verifier.client import AsyncClient, Client
    from verifier.errors import ProofmillError, ServiceError
    from verifier.judging.certificate import CertificateStore
    from verifier.judging.pool import LeanPool
    from verifier.lean.runtime import resolve_runtime
    from verifier.options import Options
    from verifier.tactic_state import TacticState, TacticStep
    from verifier.verdict import Kind, Status, Submission, Verdict
    from verifier.version import __version__

__all__ = [
    "AsyncClient",
    "CertificateStore",
    "Client",
    "Kind",
    "LeanPool",
    "Options",
    "ProofmillError",
    "ServiceError",
    "Status",
    "Submission",
    "TacticState",
    "TacticStep",
    "Verdict",
    "__version__",
    "resolve_runtime",
]

_HOMES = {
    "AsyncClient": "verifier.client",
    "CertificateStore": "verifier.judging.certificate",
    "Client": "verifier.client",
    "Kind": "verifier.verdict",
    "LeanPool": "verifier.judging.pool",
    "Options": "verifier.options",
    "ProofmillError": "verifier.errors",
    "ServiceError": "verifier.errors",
    "Status": "verifier.verdict",
    "Submission": "verifier.verdict",
    "TacticState": "verifier.tactic_state",
    "TacticStep": "verifier.tactic_state",
    "Verdict": "verifier.verdict",
    "__version__": "verifier.version",
    "resolve_runtime": "verifier.lean.runtime",
}

if not TYPE_CHECKING:
    __getattr__, __dir__ = face_of(__name__, _HOMES)
