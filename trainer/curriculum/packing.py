"""Columns of numbers as text for JSON, exact and small."""

import base64
import binascii
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from verifier.errors import InvalidInput

__all__ = ["pack", "unpack"]


def pack(values: NDArray[Any]) -> str:
    """Write the bytes of an array as text: compressed, in base64."""
    return base64.b64encode(zlib.compress(values.tobytes())).decode("ascii")


def unpack(text: str, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Read an array of one dimension from the text that `pack` has written.

    Raises:
        InvalidInput: the text is no such array.
    """
    try:
        return np.frombuffer(zlib.decompress(base64.b64decode(text, validate=True)), dtype).copy()
    except (AttributeError, TypeError, ValueError, binascii.Error, zlib.error) as error:
        raise InvalidInput(f"the state of the curriculum cannot be read: {error}") from error
