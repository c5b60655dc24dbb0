"""When the engine that samples and the model that learns disagree: slow down, then stop."""

from verifier.errors import ProofmillError

__all__ = ["EngineMismatch", "MismatchAlarm"]


class EngineMismatch(ProofmillError):
    """The samples do not come from the policy they are said to come from."""


class MismatchAlarm:
    """Watches the effective sample size, update by update.

    Below the least share that is asked for, the run is to slow down: nothing is sampled ahead.  If it stays
    there for `patience` updates, with every sample fresh, staleness cannot be why, and the run ends.
    """

    def __init__(self, least_share: float, patience: int) -> None:
        self._least_share = least_share
        self._patience = patience
        self.below = 0
        """Updates in a row, up to the last one."""

    @property
    def slowed(self) -> bool:
        """Whether nothing is to be sampled ahead."""
        return self.below > 0

    def see(self, share: float | None) -> None:
        """The effective sample size of an update, as a share of its attempts; None where nobody measured it.

        Raises:
            EngineMismatch
        """
        if share is None:
            return
        self.below = self.below + 1 if share < self._least_share else 0
        if self.below >= self._patience:
            raise EngineMismatch(
                f"the effective sample size was below {self._least_share:.0%} of the attempts for "
                f"{self.below} updates in a row, the last time {share:.1%}: the engine does not sample from "
                "the policy that is trained; compare their precision, temperature and weights, or lower "
                "daemon.min_effective_sample_share"
            )
