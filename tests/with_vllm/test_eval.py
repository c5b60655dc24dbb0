"""An evaluation whose answers a real vLLM server samples."""

from pathlib import Path

from transformers import PreTrainedTokenizerFast

from prover.evaluation.benchmark import load_benchmark
from prover.evaluation.files import read_record
from prover.evaluation.provers.model import ModelProver
from prover.formats.registry import format_named
from prover.generators.base import SamplingParams
from prover.generators.vllm.engine import VLLMEngine
from tests.prover.evaluation.test_run import data, run
from tests.with_vllm.policies import Published
from verifier.judging.pool import LeanPool


async def test_what_vllm_samples_is_judged_and_sampled_again_the_same(
    engine: VLLMEngine, base: Published, tokenizer: PreTrainedTokenizerFast, pool: LeanPool, tmp_path: Path
) -> None:
    sampling = SamplingParams(max_new_tokens=16, seed=1)
    generator = engine.generator(base.directory, 0)
    prover = ModelProver(generator, tokenizer, format_named("completion"), sampling, {"generator": "vllm"})
    benchmark = load_benchmark(data(tmp_path))
    summary = await run(benchmark, prover, pool, tmp_path / "a", samples=4, repairs=1)
    await run(benchmark, prover, pool, tmp_path / "b", samples=4, repairs=1)
    a, b = (read_record(tmp_path / each).attempts for each in "ab")
    assert [row.answer for row in a] == [row.answer for row in b]
    assert {row.round for row in a} == {0, 1}
    assert (summary.n, summary.attempts, summary.unknown) == (3, 12, 0)
    assert summary.tokens == sum(row.tokens for row in a) > 0
