"""Packages that only the extra `train` brings."""

import os

from verifier.errors import InvalidInput

__all__ = ["prepare_torch"]


def prepare_torch() -> None:
    """What has to be settled before torch is first imported.

    Raises:
        InvalidInput: the extra is not installed.
    """
    # Idle threads of OpenMP spin by default, which takes the cores from Lean.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        from transformers.utils import logging
    except ImportError as error:
        raise InvalidInput(
            f"{error}: install the training packages, pip install 'proofmill[train]'"
        ) from error
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
