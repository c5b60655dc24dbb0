"""Writing a run directory as the run goes on, so that whatever is finished can be read."""

import json
import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from torch.utils.tensorboard import SummaryWriter

from prover.theorem import Theorem
from trainer.model.optimizer import Budget
from trainer.run.directory import AttemptRow, HeldOut, Phase, Spent, Summary
from verifier.verdict import Verdict

__all__ = ["RunWriter"]


class RunWriter:
    """Appends to `attempts.jsonl`, `metrics.jsonl` and TensorBoard; rewrites `summary.json` atomically."""

    def __init__(self, directory: Path, summary: Summary) -> None:
        """What `summary` has counted is counted on."""
        self.directory = directory
        self.summary = summary
        self._statuses: Counter[str] = Counter(summary.verdicts)
        self._lean_calls = summary.lean_calls
        self._attempts = (directory / "attempts.jsonl").open("a", encoding="utf-8")
        self._metrics = (directory / "metrics.jsonl").open("a", encoding="utf-8")
        self._tensorboard = SummaryWriter(str(directory / "tensorboard"))

    def __enter__(self) -> Self:
        self.save()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.save()
        self._attempts.close()
        self._metrics.close()
        self._tensorboard.close()

    def attempt(
        self,
        phase: Phase,
        theorem: Theorem,
        proof: str,
        verdict: Verdict,
        *,
        iteration: int | None = None,
        policy_version: int | None = None,
        greedy: bool = False,
        id: str | None = None,
        account: str | None = None,
    ) -> None:
        """Record one judged attempt."""
        row = AttemptRow(
            id=id,
            account=account,
            phase=phase,
            iteration=iteration,
            policy_version=policy_version,
            theorem=theorem.name,
            family=theorem.family,
            statement=theorem.statement,
            proof=proof,
            status=verdict.status,
            reason=verdict.reason,
            lean_ms=verdict.lean_ms,
            greedy=greedy,
        )
        self._attempts.write(row.model_dump_json() + "\n")
        self._attempts.flush()
        self._statuses[verdict.status] += 1
        self._lean_calls += verdict.lean_ms > 0

    def metrics(self, step: int, row: dict[str, object]) -> None:
        """Record one iteration."""
        self._metrics.write(json.dumps(row) + "\n")
        self._metrics.flush()
        for name, value in row.items():
            if isinstance(value, int | float):
                self._tensorboard.add_scalar(name, value, step)
        self.save()

    def held_out(self, **figures: object) -> None:
        """Add figures to the summary's `held_out`, and save."""
        held_out = self.summary.held_out.model_copy(update=figures)
        self.summary = self.summary.model_copy(update={"held_out": HeldOut.model_validate(dict(held_out))})
        self.save()

    def took(self, what: str, seconds: float) -> None:
        """Add seconds to the time spent on something."""
        times = dict(self.summary.time_s)
        times[what] = times.get(what, 0.0) + seconds
        self.summary = self.summary.model_copy(update={"time_s": times})

    def trained_on(self, **budgets: Budget) -> None:
        """Record what the trained model and its control learned from, and save."""
        spent = {
            name: Spent(optimizer_steps=b.optimizer_steps, tokens=b.tokens) for name, b in budgets.items()
        }
        self.summary = self.summary.model_copy(update={"trained_on": spent})
        self.save()

    def finish(self, wall_s: float, *, finished: bool) -> None:
        self.summary = self.summary.model_copy(update={"wall_s": wall_s, "finished": finished})

    def lengths(self) -> dict[str, int]:
        """How long the files are that rows are added to, in bytes, once all of it is on the disk."""
        lengths = {}
        for file in (self._attempts, self._metrics):
            file.flush()
            os.fsync(file.fileno())
            lengths[Path(file.name).name] = file.tell()
        return lengths

    @staticmethod
    def cut(directory: Path, lengths: Mapping[str, int]) -> None:
        """Remove the rows that came after `lengths` was asked for."""
        for name, length in lengths.items():
            os.truncate(directory / name, length)

    def save(self) -> None:
        """Write `summary.json`; a reader sees the old or the new one, never half."""
        total = self._statuses.total()
        self.summary = self.summary.model_copy(
            update={
                "attempts": total,
                "verdicts": dict(self._statuses),
                "lean_calls": self._lean_calls,
                "cached": total - self._lean_calls,
            }
        )
        self._attempts.flush()
        draft = self.directory / "summary.json.new"
        draft.write_text(self.summary.model_dump_json(by_alias=True, indent=2) + "\n", encoding="utf-8")
        draft.replace(self.directory / "summary.json")
