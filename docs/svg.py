"""What the drawings of the documentation share: one look, for light and dark pages, and no library."""

from collections.abc import Iterable
from xml.sax.saxutils import escape

__all__ = ["arrow", "box", "picture", "text"]

_STYLE = """
  text { font-family: ui-sans-serif, system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; }
  text { font-size: 13px; fill: #1f2328; }
  .title { font-size: 16px; font-weight: 600; }
  .small { font-size: 11px; fill: #59636e; }
  .code { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: 11px; }
  .middle { text-anchor: middle; }
  .page { fill: #ffffff; }
  rect { stroke-width: 1.2; }
  path { fill: none; stroke: #6e7781; stroke-width: 1.3; }
  .head { fill: #6e7781; stroke: none; }
  .broken { stroke: #cf222e; stroke-dasharray: 5 3; }
  .trainer { fill: #ddf4ff; stroke: #0969da; }
  .prover { fill: #dafbe1; stroke: #1a7f37; }
  .verifier { fill: #fff1e5; stroke: #bc4c00; }
  .lean { fill: #fbefff; stroke: #8250df; }
  .ground { fill: #f6f8fa; stroke: #d1d9e0; }
  .of-trainer { fill: #0969da; }
  .of-prover { fill: #1a7f37; }
  .of-verifier { fill: #bc4c00; }
  .of-lean { fill: #8250df; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .small { fill: #9198a1; }
    .page { fill: #0d1117; }
    path { stroke: #8b949e; }
    .head { fill: #8b949e; stroke: none; }
    .broken { stroke: #ff7b72; }
    .trainer { fill: #0c2d4d; stroke: #4493f8; }
    .prover { fill: #0f2e1a; stroke: #3fb950; }
    .verifier { fill: #3a1f0b; stroke: #f0883e; }
    .lean { fill: #2b1a47; stroke: #ab7df8; }
    .ground { fill: #151b23; stroke: #3d444d; }
    .of-trainer { fill: #79c0ff; }
    .of-prover { fill: #56d364; }
    .of-verifier { fill: #ffa657; }
    .of-lean { fill: #d2a8ff; }
  }
"""


def picture(width: float, height: float, title: str, parts: Iterable[str]) -> str:
    """A whole SVG file; `title` is what is read aloud in place of the picture."""
    head = "M0,0 L8,4 L0,8 Z"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img">',
            f"<title>{escape(title)}</title>",
            f"<style>{_STYLE}</style>",
            '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
            f'orient="auto-start-reverse"><path class="head" d="{head}"/></marker></defs>',
            f'<rect class="page" width="{width:g}" height="{height:g}"/>',
            *parts,
            "</svg>\n",
        ]
    )


def box(x: float, y: float, width: float, height: float, look: str) -> str:
    """A rounded box, with its upper left corner at (x, y)."""
    return f'<rect class="{look}" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="6"/>'


def text(x: float, y: float, words: str, look: str = "") -> str:
    """A line of text, with its base line at y; `words` are not Markup."""
    return f'<text class="{look}" x="{x:g}" y="{y:g}">{escape(words)}</text>'


def arrow(points: Iterable[tuple[float, float]], look: str = "") -> str:
    """A curve through the points that leaves and reaches each of them vertically, with a head at the last."""
    (x, y), *rest = points
    path = f"M{x:g},{y:g}"
    for to_x, to_y in rest:
        middle = (y + to_y) / 2
        path += f" C{x:g},{middle:g} {to_x:g},{middle:g} {to_x:g},{to_y:g}"
        x, y = to_x, to_y
    return f'<path class="{look}" d="{path}" marker-end="url(#head)"/>'
