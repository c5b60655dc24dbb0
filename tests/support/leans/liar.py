"""A worker without Lean, for tests of who has to notice: it says what it was told to say.

    python liar.py yes|no|leaks|dies screen|audit

`yes` proves everything, `no` refuses everything, `leaks` does what candidates ask for, as if nothing confined
it, and `dies` ends where it is to audit.
"""

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

__all__: list[str] = []

PROVED = {
    "kind": "theorem",
    "reference_kind": "theorem",
    "universes": 0,
    "reference_universes": 0,
    "same_type": True,
    "axioms": [],
    "own_axioms": [],
}
TYPE = {"names": [], "levels": [], "exprs": [["sort", 0]], "root": 0}
EXPORT = {
    "names": [[0, "t"]],
    "levels": [],
    "exprs": [["sort", 0]],
    "decls": [{"name": 1, "type": 0, "value": 0}],
}

CHECKED = {"name": "t", "declaration": PROVED, "heartbeats": 0, "heartbeat_limit": 7, "export": EXPORT}


def answer(kind: str, request: dict[str, Any]) -> dict[str, Any]:
    match request["op"], kind:
        case "header", _:
            return {}
        case "check", "no":
            return {"name": "t", "messages": [message("error", "no")]}
        case "check", _:
            said = leak(request["source"]) if kind == "leaks" else []
            return {
                "name": "t",
                "messages": said,
                "declaration": PROVED,
                "heartbeats": 0,
                "heartbeat_limit": 7,
                "export": EXPORT,
            }
        case "audit", "dies":
            sys.exit(3)
        case "audit", "no":
            return {"name": "t", "refused": "kernel_rejected", "reason": "no"}
        case _:
            return {"name": "t", "declaration": PROVED, "type": TYPE}


def message(severity: str, text: str) -> dict[str, Any]:
    return {"severity": severity, "line": 1, "column": 0, "text": text}


def leak(source: str) -> list[dict[str, Any]]:
    """Do what the text asks for; this process may do it all."""
    said = []
    if found := re.search(r'readFile "(.*?)"', source):
        said.append(Path(found[1]).read_text("utf-8"))
    if found := re.search(r'writeFile "(.*?)"', source):
        Path(found[1]).write_text("x", "utf-8")
    if "getEnv" in source:
        said.append(f"{'HOME' in os.environ} {'PATH' in os.environ}".lower())
    if found := re.search(r'"echo (.*?)"', source):
        said.append(found[1])
    said += re.findall(r'IO.println "(.*?)"', source)
    return [message("info", text) for text in said]


def main() -> None:
    print(json.dumps({"ready": True, "lean": "a liar"}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps({"id": request["id"], "ms": 1, **answer(sys.argv[1], request)}), flush=True)


if __name__ == "__main__":
    main()
