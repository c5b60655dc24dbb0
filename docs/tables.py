"""The tables of the documentation that state defaults, made from the code.

python -m docs.tables        writes them into docs/; a test says when that was forgotten
"""

import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from prover.evaluation.benchmark import VARIANTS
from prover.evaluation.export import EXPORTS
from prover.formats.registry import FORMATS, format_named
from prover.generators.base import SamplingParams
from prover.search.config import SearchConfig
from trainer.config import LEARNER_SECTIONS, SAID_ONCE, RunConfig
from trainer.curriculum.config import CurriculumConfig
from trainer.curriculum.draws import DrawsConfig
from trainer.learners.anchor import AnchorConfig
from trainer.learners.policy_gradient import CriticConfig
from trainer.learners.pretraining import PretrainingConfig
from trainer.learners.ranker import RankerConfig
from trainer.learners.registry import LEARNERS, learner_kind
from trainer.learners.supervised import SupervisedConfig
from trainer.model.lora import LoRAConfig
from trainer.model.optimizer import OptimizerConfig
from trainer.model.policy import PolicyConfig
from trainer.objectives.advantages import BASELINES, AdvantageConfig
from trainer.objectives.algorithms import ALGORITHMS, Algorithm, PolicyLoss
from trainer.objectives.credit import CreditConfig
from trainer.sections import (
    ComputeConfig,
    DaemonConfig,
    DataConfig,
    GeneratorConfig,
    LeanConfig,
    MeasureConfig,
)
from verifier.lean.advisories import advisories_of
from verifier.lean.pins import PINS
from verifier.settings import Section, meaning_of

__all__ = ["TABLES", "algorithms_table", "settings_table", "with_tables"]

_LEANS = ("4.9.0", "4.28.0-pre", "4.32.0", "4.32.1", "4.32.2", "4.33.0", "4.33.1", "4.34.0", "4.34.1")
"""The oldest Lean, the embedded one, and those on both sides of every release that mends a kernel."""
_REDUCTIONS = {
    "sequence_mean": "mean over sequences of the mean over their tokens",
    "token_mean": "mean over all tokens of the step",
    "constant_length": "sum over tokens, divided by sequences × the longest response",
}


def algorithms_table() -> str:
    """What each algorithm chose, as Markdown."""
    rows = [
        (
            f"`{name}`",
            algorithm.title,
            "GAE of a critic" if algorithm.baseline == "critic" else f"`{algorithm.baseline}`",
            _objective(algorithm.loss),
            _mean(algorithm.loss),
            str(algorithm.epochs),
            f"{algorithm.learning_rate:.0e}".replace("e-0", "e-"),
            _groups(algorithm),
            algorithm.source,
        )
        for name, algorithm in ALGORITHMS.items()
    ]
    about = ("name", "", "advantage", "objective", "loss is a", "epochs", "learning rate")
    return _markdown((*about, "groups and rewards", "source"), rows)


def baselines_table() -> str:
    """What the advantage of an attempt is, by the name of the baseline, as Markdown."""
    rows = [(f"`{name}`", kind.formula, kind.source) for name, kind in BASELINES.items()]
    return _markdown(("baseline", "advantage of a reward R in a group of G", "source"), rows)


def run_settings_table() -> str:
    """What runs set where their settings are silent and the paper has something else, as Markdown."""
    rows = [
        (f"`{name}`", f"`{kind.section}.{path}`", _value(value))
        for name, kind in ((name, learner_kind(name)) for name in LEARNERS)
        for path, value in _flat(kind.run_settings.get(name, {}))
    ]
    return _markdown(("algorithm", "setting", "in a run"), rows)


def settings_table(title: str, settings: type[BaseModel]) -> str:
    """Settings with their defaults, as Markdown; what all optimizers have stands in a table of its own.

    What a run has once for all its parts stands where it is set, and not in the sections that read it too.
    """
    elsewhere = {name for part, name in SAID_ONCE if title == f"[{part}]" or settings is OptimizerConfig}
    shared = (BaseModel, Section, OptimizerConfig)
    models = [model for model in reversed(settings.__mro__) if model is settings or model not in shared]
    fields = {
        name: settings.model_fields[name]
        for model in models
        for name in vars(model).get("__annotations__", {})
        if name in settings.model_fields
    }
    rows = [
        (f"`{name}`", _value(field.default), meaning_of(settings, name))
        for name, field in fields.items()
        # A section within this one has a table of its own.
        if not (name in elsewhere or field.is_required() or isinstance(field.default, BaseModel))
    ]
    return _markdown((f"`{title}`", "default", "meaning"), [row for row in rows if row[-1]])


def formats_table() -> str:
    """How provers are asked, as Markdown."""
    rows = [
        (f"`{each.name}`", each.source, "a chat" if each.is_chat else "a text to continue", each.reads)
        for each in map(format_named, FORMATS)
    ]
    return _markdown(("`--format`", "of", "asked by", "what is judged"), rows)


def benchmarks_table() -> str:
    """The sets that are known by their digests, as Markdown."""
    return _markdown(("digest", "set"), [(f"`{digest[:12]}`", name) for digest, name in VARIANTS.items()])


def exports_table() -> str:
    """What `proofmill eval export` writes, as Markdown."""
    rows = [(f"`{name}`", inspect.getdoc(rows_of) or "") for name, rows_of in EXPORTS.items()]
    return _markdown(("`--format`", "rows"), rows)


def pins_table() -> str:
    """The Lean and Mathlib of each prover, as Markdown."""
    rows = [
        (
            f"`{pin.name}`",
            pin.title,
            f"`{pin.lean}`",
            f"`{pin.mathlib[:12]}`{f' (`{pin.commit[:12]}`)' if pin.commit else ''}",
            pin.source,
            pin.unseen or "–",
        )
        for pin in PINS
    ]
    return _markdown(("`--for`", "of", "Lean", "Mathlib", "seen in", "not seen"), rows)


def headers_table() -> str:
    """What the prompts of each prover begin with, as Markdown."""
    named: dict[str, list[str]] = {}
    for pin in PINS:
        named.setdefault(pin.header, []).append(f"`{pin.name}`")
    rows = [
        (", ".join(names), "<br>".join(f"`{line}`" for line in header.splitlines() if line))
        for header, names in named.items()
    ]
    return _markdown(("`--for`", "header"), rows)


def kernels_table() -> str:
    """The known holes of each kernel, as Markdown; versions with the same ones share a row."""
    rows: list[tuple[str, str, str]] = []
    for version in _LEANS:
        found = [advisory.id.removeprefix("lean4") for advisory in advisories_of(version)]
        numbers = ", ".join(found) or "none known"
        if rows and rows[-1][2] == numbers:
            rows[-1] = (f"{rows[-1][0].partition(' – ')[0]} – {version}", *rows[-1][1:])
        else:
            rows.append((version, str(len(found)), numbers))
    return _markdown(("Lean", "holes", "leanprover/lean4"), rows)


TABLES: dict[str, Callable[[], str]] = {
    "algorithms": algorithms_table,
    "run": lambda: settings_table("of the whole run", RunConfig),
    "data": lambda: settings_table("[data]", DataConfig),
    "sampling": lambda: settings_table("[sampling]", SamplingParams),
    "policy": lambda: settings_table("[policy]", PolicyConfig),
    "lean": lambda: settings_table("[lean]", LeanConfig),
    "measure": lambda: settings_table("[measure]", MeasureConfig),
    "run-settings": run_settings_table,
    "baselines": baselines_table,
    "advantage": lambda: settings_table("[policy_gradient.advantage]", AdvantageConfig),
    "search": lambda: settings_table("[search]", SearchConfig),
    "draws": lambda: settings_table("[draws]", DrawsConfig),
    "anchor": lambda: settings_table("[policy_gradient.anchor], [dpo.anchor]", AnchorConfig),
    "loss": lambda: settings_table("[policy_gradient.loss]", PolicyLoss),
    "credit": lambda: settings_table("[policy_gradient.credit]", CreditConfig),
    "lora": lambda: settings_table("[lora]", LoRAConfig),
    "critic": lambda: settings_table("[policy_gradient.critic]", CriticConfig),
    "optimizer": lambda: settings_table("of every AdamW", OptimizerConfig),
    "ranker": lambda: settings_table("proofmill rank", RankerConfig),
    "compute": lambda: settings_table("[compute]", ComputeConfig),
    "supervised": lambda: settings_table("[supervised]", SupervisedConfig),
    "pretraining": lambda: settings_table("[pretraining]", PretrainingConfig),
    "daemon": lambda: settings_table("[daemon]", DaemonConfig),
    "curriculum": lambda: settings_table("[curriculum]", CurriculumConfig),
    "generator": lambda: settings_table("[generator]", GeneratorConfig),
    "formats": formats_table,
    "benchmarks": benchmarks_table,
    "exports": exports_table,
    "pins": pins_table,
    "headers": headers_table,
    "kernels": kernels_table,
    **{
        section: partial(settings_table, f"[{section}]", config)
        for section, config in LEARNER_SECTIONS.items()
    },
}
"""By the name that stands around each in the documentation: `<!-- name -->`, `<!-- /name -->`."""


def with_tables(text: str) -> str:
    """A page with its tables as they are now."""
    for name, table in TABLES.items():
        text = re.sub(
            rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)",
            lambda match, table=table: f"{match[1]}{table()}{match[2]}",  # type: ignore[misc]
            text,
            flags=re.DOTALL,
        )
    return text


def _objective(loss: PolicyLoss) -> str:
    match loss.objective:
        case "reinforce":
            return "Â log π"
        case "cispo":
            return f"min(ρ, {loss.cap:g}) Â log π, the weight without a gradient"
        case "clip":
            of = "of the sequence " if loss.ratio == "sequence" else ""
            return f"ρ {of}clipped to [1 − {loss.clip_low:g}, 1 + {loss.clip_high:g}]"


def _mean(loss: PolicyLoss) -> str:
    return "mean over sequences of the sum" if loss.max_length == 1 else _REDUCTIONS[loss.reduction]


def _groups(algorithm: Algorithm) -> str:
    said = []
    if algorithm.drops_uninformative:
        said.append("drops those all proved or all refuted")
    if algorithm.overlong_buffer:
        said.append(f"overlong penalty over {algorithm.overlong_buffer} tokens")
    return ", ".join(said) or "all"


def _flat(settings: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from ((f"{name}.{path}", inner) for path, inner in _flat(value))
        else:
            yield name, value


def _value(default: object) -> str:
    return "none" if default in (None, ()) else f"{default:g}" if isinstance(default, float) else str(default)


def _markdown(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = (header, ("---",) * len(header), *rows)
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


if __name__ == "__main__":
    for page in Path(__file__).parent.glob("*.md"):
        page.write_text(with_tables(page.read_text("utf-8")), "utf-8")
