"""What can go wrong outside Lean's own judgement, as types that more than one room raises or handles.

None of these is ever a verdict of `refuted`: a machine that fails says nothing about a proof.  Each message
tells a person what to do next.
"""

from verifier.verdict import Status

__all__ = [
    "InvalidInput",
    "LeanInstallError",
    "LeanNotFound",
    "NoAnswer",
    "PoolClosed",
    "ProofmillError",
    "RedisUnavailable",
    "ServiceError",
    "StalledError",
    "WorkerDied",
    "WorkerFull",
    "WorkerKilled",
    "WorkerStartError",
]


class ProofmillError(Exception):
    """Base of all errors this project raises on purpose."""


class InvalidInput(ProofmillError):
    """A file, row or setting the user gave cannot be used; the message names it and says why."""


class LeanNotFound(ProofmillError):
    """No usable Lean where one was asked for."""


class LeanInstallError(ProofmillError):
    """The embedded Lean could not be fetched, checked or unpacked."""


class WorkerStartError(ProofmillError):
    """A Lean worker process did not become ready."""


class WorkerDied(ProofmillError):
    """A Lean worker process ended, or broke the protocol, while it held a request."""


class WorkerFull(ProofmillError):
    """A Lean worker may not import another library; a new one is to take its place."""


class WorkerKilled(WorkerDied):
    """A Lean worker was ended by a SIGKILL that is not ours, such as the kernel's when memory runs out."""


class NoAnswer(ProofmillError):
    """No worker answered; `status`, of kind unknown, is what becomes of the submission."""

    def __init__(self, status: Status, reason: str, held_ms: float = 0.0) -> None:
        super().__init__(reason)
        self.status = status
        self.held_ms = held_ms
        """Milliseconds for which a worker was held."""


class PoolClosed(ProofmillError):
    """A submission reached a pool that is shutting down."""


class StalledError(ProofmillError):
    """Something that a process waited for did not come for a long time."""


class ServiceError(ProofmillError):
    """The HTTP service refused a request, with `status`; that is 503 too where its answer broke off."""

    def __init__(self, reason: str, status: int, retry_after_s: float | None = None) -> None:
        super().__init__(reason)
        self.status = status
        self.retry_after_s = retry_after_s


class RedisUnavailable(ProofmillError):
    """The configured Redis cannot be reached, or the embedded one did not start."""
