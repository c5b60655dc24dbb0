"""Judges proofs of Lean 4 theorems: a submission in, a verdict of one of three kinds out.

With a Lean on this machine (the embedded one is installed where it is missing):

    from verifier import LeanPool, Submission
    from verifier.lean.runtime import resolve_runtime

    submission = Submission(id="a", statement="theorem t : 1 + 1 = 2", proof="rfl")
    async with LeanPool(resolve_runtime(None)) as pool:
        verdict = await pool.verify(submission)

With a server (`proofmill serve`) somewhere else:

    from verifier import Client

    with Client("http://127.0.0.1:8000") as client:
        verdict = client.verify(submission)

What is named here is the public interface.  The modules below it are its parts and may change.
"""

__version__ = "0.1.0"

from verifier.client import AsyncClient, Client
from verifier.judging.pool import LeanPool
from verifier.options import Options
from verifier.verdict import Kind, Status, Submission, Verdict

__all__ = [
    "AsyncClient",
    "Client",
    "Kind",
    "LeanPool",
    "Options",
    "Status",
    "Submission",
    "Verdict",
    "__version__",
]
