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

What is named here is the public interface.  The modules below it are its parts and may change.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from verifier.client import AsyncClient, Client
    from verifier.judging.pool import LeanPool
    from verifier.options import Options
    from verifier.verdict import Kind, Status, Submission, Verdict

    __version__: str

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

_HOMES = {
    "AsyncClient": "verifier.client",
    "Client": "verifier.client",
    "Kind": "verifier.verdict",
    "LeanPool": "verifier.judging.pool",
    "Options": "verifier.options",
    "Status": "verifier.verdict",
    "Submission": "verifier.verdict",
    "Verdict": "verifier.verdict",
}

if not TYPE_CHECKING:
    # Imported when they are asked for: the environment of vLLM has the packages of some modules only.
    def __getattr__(name: str) -> Any:
        if name == "__version__":
            from importlib.metadata import version

            return version("proofmill")
        if name in _HOMES:
            return getattr(import_module(_HOMES[name]), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
