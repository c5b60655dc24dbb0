"""The settings of a run as the file that its processes read."""

from pathlib import Path

import pytest

from trainer.config import load_config, run_config, write_settings
from trainer.experiments.variants import ARMS, arm_config


@pytest.mark.parametrize("arm", ARMS)
def test_settings_are_the_same_when_they_are_read_back(tmp_path: Path, arm: str) -> None:
    settings = {
        "lora": {"rank": 4, "separate": True},
        "pretraining": {"steps": 3, "files": ['/a "b"\\c.lean', "é"]},
        "daemon": {"start": "/with a space"},
        "supervised": {"final_learning_rate": 1e-6},
    }
    config = arm_config(settings, arm, seed=3)
    assert load_config(write_settings(config, tmp_path)) == config


def test_the_url_of_the_redis_which_may_hold_a_password_is_not_written(tmp_path: Path) -> None:
    config = run_config({"redis_url": "redis://:secret@host/0"})
    assert "secret" not in write_settings(config, tmp_path).read_text("utf-8")
