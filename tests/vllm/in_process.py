"""Run by vLLM's own Python: samples from policies, told as JSON on the command line and printed as JSON."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

from prover.generators import SamplingParams
from prover.generators.vllm_inprocess import InProcessVLLM
from verifier.errors import InvalidInput


def main() -> None:
    asked = json.loads(sys.argv[1])
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
    print("\n" + json.dumps({"samples": samples, "refusals": refusals}))


# vLLM's worker processes import this file again.
if __name__ == "__main__":
    main()
