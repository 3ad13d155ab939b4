"""The machine under a task: threads, the processor's flags, cores, memory, versions."""

from __future__ import annotations

import importlib
import os
import platform
import sys
from pathlib import Path
from typing import Any

from hw.results.fingerprint import NOT_INSTALLED, version


def set_threads(backend: str, threads: int, precision: str = "highest") -> None:
    """Fix what a result may depend on besides its inputs: threads, and how denormals are treated.

    Flushing denormals to zero is a flag of the processor, not of torch, so it is set for every
    task: on with torch, whose small steps it speeds up several times, and off without. Networks
    that train by autograd switch it off again, so as to be what a plain program is.
    """
    from threadpoolctl import threadpool_limits

    threadpool_limits(threads)
    if backend == "torch":
        import torch

        torch.set_num_threads(threads)
        torch.set_flush_denormal(True)
        torch.set_float32_matmul_precision(precision)
    elif "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads)
        sys.modules["torch"].set_flush_denormal(False)


def peak_memory_mb() -> float:
    """Peak resident memory of this process so far, in MB; 0 where Python's own library does not
    know it, as on Windows."""
    try:
        # Not getrusage's: a process that was spawned inherits its parent's peak there. In bytes:
        # a process's name, which stands there too, may be any.
        lines = Path("/proc/self/status").read_bytes().splitlines()
        return next(int(line.split()[1]) * 1.024e-3 for line in lines if line.startswith(b"VmHWM:"))
    except (OSError, StopIteration):
        pass
    try:
        resource = importlib.import_module("resource")
    except ImportError:
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(peak / 1e6 if sys.platform == "darwin" else peak * 1.024e-3)


def cores() -> int:
    """Processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def environment() -> dict[str, Any]:
    """What a number can depend on besides its inputs."""
    packages = ("numpy", "torch", "matplotlib", "sympy", "keras")
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "host": platform.node(),
        "cores": cores(),
        "instruction_set": _instruction_set(),
        "packages": {name: found for name in packages if (found := version(name)) != NOT_INSTALLED},
    }


def _instruction_set() -> str:
    """The widest vector instructions that NumPy found on this processor."""
    try:
        from numpy._core._multiarray_umath import __cpu_features__ as features
    except ImportError:
        return "unknown"
    order = ("AVX512_SPR", "AVX512_ICL", "AVX512_SKX", "AVX512F", "AVX2", "AVX", "SVE", "NEON")
    return next((name for name in order if features.get(name)), "baseline")
