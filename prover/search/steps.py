"""The steps of a proof that Lean has judged: what a search would have had to try, in its order; pure."""

from collections.abc import Sequence

from verifier.verdict import Tactic

__all__ = ["moved_left", "outer_steps"]


def outer_steps(text: str, tactics: Sequence[Tactic]) -> list[str]:
    """The tactics of a proof that are in no other one, in reading order, moved to the left.

    Each is tried on the first goal that is left.  So bullets are followed goal by goal; what looks at several
    goals at once, such as `all_goals`, may do something else there.

    Args:
        text: of the proof, as it was judged.
        tactics: what the verdict says of it.
    """
    steps: list[str] = []
    end = 0
    for tactic in sorted(tactics, key=lambda tactic: (tactic.start, -tactic.stop)):
        # Keywords of the syntax of a tactic are reported like tactics, and lie inside it.
        if tactic.start < end or tactic.start == tactic.stop:
            continue
        end = tactic.stop
        steps.append(moved_left(text, tactic))
    return steps


def moved_left(text: str, tactic: Tactic) -> str:
    """The words of a tactic, its first line at the margin and the others as far to its right as before."""
    column = tactic.start - (text.rfind("\n", 0, tactic.start) + 1)
    first, *rest = text[tactic.start : tactic.stop].split("\n")
    blank = min((len(line) - len(line.lstrip()) for line in rest if line.strip()), default=0)
    return "\n".join([first, *(line[min(blank, column) :] for line in rest)])
