"""The page of an evaluation: what it came to, of what, at what cost, and every proof that was found."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from prover.evaluation.files import EvalRecord
from prover.evaluation.summary import EvalSummary, Evaluated
from prover.evaluation.trees import draw, worth_drawing
from prover.pages import page_environment
from verifier.verdict import Kind

__all__ = ["PUBLISHED", "Published", "render_evaluation"]


class Published(NamedTuple):
    """What somebody else reports, in percent."""

    prover: str
    rate: float
    budget: str


PUBLISHED: Mapping[str, Sequence[Published]] = {
    "miniF2F": (
        Published("DeepSeek-Prover-V1.5-RL", 51.6, "pass@128"),
        Published("DeepSeek-Prover-V1.5-RL + RMaxTS", 63.5, "tree search"),
        Published("STP", 65.0, "pass@3200"),
        Published("DeepSeek-Prover-V2, 671B", 82.4, "pass@32"),
        Published("Kimina-Prover, 72B", 84.0, "pass@32"),
        Published("Goedel-Prover-V2, 32B", 88.1, "pass@32"),
        Published("DeepSeek-Prover-V2, 671B", 88.9, "pass@8192"),
        Published("Goedel-Prover-V2, 32B, with self-correction", 90.4, "pass@32"),
        Published("Kimina-Prover, 72B, with test-time RL", 92.2, "search"),
        Published("AlphaProof", 97.7, "search and test-time RL"),
    ),
}
"""By the beginning of a benchmark's name: results on the 244 theorems of its test split, with Mathlib."""

_PICTURES = 12
"""Searches of which the tree is drawn."""
_SHOWN_KS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192)
_NUMBERS = re.compile(r"0x[0-9a-f]+|\d+")


@dataclass(frozen=True)
class Proof:
    name: str
    text: str
    others: int
    """More proofs of the same theorem."""
    certificate: str
    faulty: str


@dataclass(frozen=True)
class Curve:
    """Points of a chart, as shares of its width and height."""

    line: list[tuple[float, float]]
    band: list[tuple[float, float]]
    ticks: list[tuple[float, str]]


def render_evaluation(record: EvalRecord) -> str:
    """One HTML document, without scripts or requests."""
    summary = record.summary
    template = page_environment(Path(__file__).parent).get_template("eval_report.html.j2")
    variant = summary.fingerprint.get("benchmark", "")
    return template.render(
        summary=summary,
        benchmark=variant,
        headline=_headline(summary),
        ks=[k for k in summary.pass_at_k if int(k) in {*_SHOWN_KS, summary.samples}],
        curve=_curve(summary),
        proofs=_proofs(record),
        unread=_by_reason(summary.not_elaborating),
        no_answer=_by_reason(summary.no_answer),
        unknown=_why_unknown(record.attempts),
        pictures=[draw(search) for search in worth_drawing(record.searches.values(), _PICTURES)],
        published=next((rows for name, rows in PUBLISHED.items() if variant.startswith(name)), ()),
    )


def _headline(summary: EvalSummary) -> str:
    low, high = summary.solved_ci
    by = "a search" if "search" in summary.fingerprint else f"one of {summary.samples} attempts"
    share = (
        f"{100 * summary.solved / summary.n:.1f}% [{100 * low:.1f}, {100 * high:.1f}]" if summary.n else ""
    )
    return f"{summary.solved} of {summary.n} theorems solved by {by}: {share}"


def _curve(summary: EvalSummary) -> Curve | None:
    """Pass@k over k; None where there is one point only."""
    ks = [int(k) for k in summary.pass_at_k]
    if len(ks) < 2:
        return None
    x = {k: (k - ks[0]) / (ks[-1] - ks[0]) for k in ks}
    low, high = ([(x[k], summary.ci[str(k)][end]) for k in ks] for end in (0, 1))
    return Curve(
        line=[(x[k], summary.pass_at_k[str(k)]) for k in ks],
        band=[*low, *reversed(high)],
        ticks=[(x[k], str(k)) for k in ks if k in _SHOWN_KS or k == ks[-1]],
    )


def _proofs(record: EvalRecord) -> list[Proof]:
    """The shortest proof of each theorem that was solved, in the order of the benchmark."""
    found: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for row in record.attempts:
        if row.kind is Kind.PROVED and row.certificate is not None:
            text = row.proof if row.proof is not None else row.code or ""
            found[row.name].append((text.strip(), row.certificate.export_sha256))
    proofs = []
    for name, texts in found.items():
        text, certificate = min(texts, key=lambda proof: len(proof[0]))
        others = len({proof for proof, _ in texts}) - 1
        proofs.append(Proof(name, text, others, certificate, record.summary.faulty.get(name, "")))
    return proofs


def _why_unknown(attempts: Iterable[Evaluated]) -> list[tuple[str, int]]:
    unknown = (row for row in attempts if row.kind is Kind.UNKNOWN)
    return Counter(f"{row.status.value.replace('_', ' ')}: {row.reason}" for row in unknown).most_common(8)


def _by_reason(theorems: Mapping[str, str]) -> list[tuple[str, list[str]]]:
    """Reasons that differ in numbers only count as one; the most frequent first."""
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for name, reason in theorems.items():
        groups[_NUMBERS.sub("…", reason.split("\n")[0])].append(name)
    return sorted(groups.items(), key=lambda group: -len(group[1]))
