"""What can be chosen by name: a choice is a file of its own, and a line in the list of its room.

The lists are the `registry.py` of a room.  A line says under which name a choice is known and where it is
(`module:attribute`); its file is read when it is asked for and not before, because much of it imports torch,
which who only judges proofs need not have.
"""

from collections.abc import Mapping
from pkgutil import resolve_name
from typing import Any

from verifier.errors import InvalidInput

__all__ = ["choose"]


def choose(what: str, places: Mapping[str, str], name: str) -> Any:
    """The choice of a name in a list.

    Args:
        what: the list is of, for the message.
        places: the list: names, and `module:attribute` of each.

    Raises:
        InvalidInput: the list has no such name.
    """
    if name not in places:
        raise InvalidInput(f"there is no {what} `{name}`: choose among {', '.join(places)}")
    return resolve_name(places[name])
