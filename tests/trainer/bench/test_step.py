"""`proofmill bench trainer` on a small batch: both steps are made, and come to the same weights."""

import pytest

from trainer.bench.settings import StepBenchSettings
from trainer.bench.step import bench_trainer


def test_our_step_and_trls_are_measured_on_the_same_batch_and_agree() -> None:
    pytest.importorskip("trl")
    pytest.importorskip("datasets")
    done: list[None] = []
    settings = StepBenchSettings(sequences=16, steps=1, width=64, layers=1)
    found = bench_trainer(settings, on_done=lambda: done.append(None))
    assert len(done) == 2
    assert found.trl is not None and found.largest_difference is not None
    assert found.largest_difference < 1e-4
    for each in (found.ours, found.trl):
        assert min(each.tokens_per_s, each.step_s, each.peak_mb) > 0
    assert found.over_trl == pytest.approx(found.ours.tokens_per_s / found.trl.tokens_per_s, abs=0.01)
