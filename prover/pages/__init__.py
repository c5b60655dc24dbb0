"""What all pages of results share: one look, and one way to write times; no scripts, no requests."""

import re
from collections.abc import Iterable
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

__all__ = ["duration", "page_environment"]


WIDTH, HEIGHT = 460.0, 200.0
"""Of a chart, in pixels of an SVG; the macro `chart` draws its axes."""


def page_environment(templates: Path) -> Environment:
    """The templates of a directory, which may extend `base.html.j2` and use `macros.html.j2`."""
    environment = Environment(
        loader=FileSystemLoader([templates, Path(__file__).parent]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"duration": duration, "soften": _soften, "points": _points}
    environment.globals |= {"width": WIDTH, "height": HEIGHT}
    return environment


def duration(seconds: float) -> str:
    """Write a time for people: `3.2 s`, `4 min 05 s`, `2 h 07 min`."""
    if seconds < 60:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


def _points(shares: Iterable[tuple[float, float]]) -> str:
    """Points of an SVG, from shares of a chart's width and, from below, of its height."""
    return " ".join(f"{WIDTH * x:.1f},{HEIGHT * (1 - y):.1f}" for x, y in shares)


def _soften(sentence: str) -> Markup:
    """Set the bracketed intervals of a sentence back, so that the rates stand out."""
    return Markup(re.sub(r"\[[^\]]*\]", r'<span class="ci">\g<0></span>', str(escape(sentence))))
