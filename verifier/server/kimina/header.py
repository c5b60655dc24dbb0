"""The header of a snippet, as Kimina Lean Server makes it of the snippet's imports."""

__all__ = ["header_of"]

_MATHLIB = "import Mathlib"


def header_of(imports: str) -> str:
    """The imports that a snippet is read under, one a line.

    Their server reads every snippet that imports a part of Mathlib under all of Mathlib, so a proof that
    passes there may need what it does not import.  It is the same here, and Mathlib is in memory once.
    """
    lines = list(dict.fromkeys(line.strip() for line in imports.splitlines() if line.strip()))
    others = [line for line in lines if not _is_mathlib(line)]
    if len(others) == len(lines) or "prelude" in lines:
        return imports
    return "".join(f"{line}\n" for line in [_MATHLIB, *others])


def _is_mathlib(line: str) -> bool:
    return line == _MATHLIB or line.startswith(f"{_MATHLIB}.")
