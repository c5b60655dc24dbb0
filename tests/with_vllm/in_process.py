"""Run by vLLM's own Python: samples from the policies that one JSON file tells of, into another."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

from prover.generators.base import SamplingParams
from prover.generators.vllm.in_process import InProcessVLLM
from verifier.errors import InvalidInput


def main() -> None:
    asked = json.loads(Path(sys.argv[1]).read_text())
    params = SamplingParams.model_validate(asked["params"])
    engine = InProcessVLLM(Path(asked["base"]), dtype="float32", max_rank=8, enforce_eager=True)

    def sample(version: int, directory: str, prompts: list[str]) -> list[dict[str, object]]:
        groups = engine.generator(Path(directory), version).sample(prompts, params)
        return [asdict(each) for group in groups for each in group]

    samples = [sample(version, each, asked["prompts"]) for version, each in enumerate(asked["policies"])]
    refusals = []
    for directory, prompts in asked["refused"]:
        try:
            sample(0, directory, prompts)
        except InvalidInput as error:
            refusals.append(str(error))
    Path(sys.argv[2]).write_text(json.dumps({"samples": samples, "refusals": refusals}))


# vLLM's worker processes import this file again.
if __name__ == "__main__":
    main()
