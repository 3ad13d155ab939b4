"""How the process of a hand-in is started: directly, or in a container of podman or docker.

Directly, the process confines itself (`hw/grading/child/confine.py`). A container does the same
inside. It adds a file system that is read-only but for the hand-in's folder, no network, and limits
of processes and memory that hold for all of it together.
"""

from __future__ import annotations

import os
import shutil
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path

from hw.errors import HwError

KINDS = ("process", "podman", "docker")
IMAGE = "hw-grade"  # docs/grading.md tells how it is made; $HW_GRADE_IMAGE names another
CHILD = Path(__file__).with_name("child")


@dataclass(frozen=True)
class Launch:
    """A command line with its environment; ``undo`` ends what it may leave running."""

    argv: tuple[str, ...]
    environment: dict[str, str]
    undo: tuple[str, ...] = ()
    held: tuple[str, ...] = ()


def launch(kind: str, folder: Path, memory_mb: int) -> Launch:
    """How to start a child for a hand-in in ``folder``. Raises `HwError`."""
    if sys.platform == "win32":
        raise HwError(
            "a hand-in is confined by means that Windows lacks; run hw grade in the Windows "
            "Subsystem for Linux (wsl --install)"
        )
    environment = _environment(folder)
    if kind == "process":
        return Launch((sys.executable, "-I", str(CHILD)), environment)
    if shutil.which(kind) is None:
        raise HwError(f"--sandbox {kind}: there is no {kind} here; install it, or leave it out")
    name = f"hw-grade-{uuid.uuid4().hex[:12]}"
    options = {
        "name": name,
        "network": "none",
        "read-only": "true",
        "pids-limit": "64",
        "memory": f"{memory_mb}m",
        "cpus": "1",
        "cap-drop": "ALL",
        "security-opt": "no-new-privileges",
        "workdir": str(folder),
    }
    # Rootless podman already runs as the caller.
    if kind == "docker":
        options["user"] = f"{os.getuid()}:{os.getgid()}"
    argv = [kind, "run", "--rm", "--interactive"]
    argv += [f"--{option}={value}" for option, value in options.items()]
    argv += [f"--env={variable}={value}" for variable, value in environment.items()]
    argv += [f"--volume={folder}:{folder}:rw", f"--volume={CHILD}:{CHILD}:ro"]
    argv += [os.environ.get("HW_GRADE_IMAGE") or IMAGE, "python", "-I", str(CHILD)]
    caller = {k: v for k, v in os.environ.items() if k not in environment}
    return Launch(
        tuple(argv),
        {**caller, "PATH": os.environ.get("PATH", os.defpath), "HOME": str(Path.home())},
        (kind, "kill", name),
        (f"a container of {kind}: no network, read-only, at most 64 processes",),
    )


def _environment(folder: Path) -> dict[str, str]:
    """Nothing of the caller's own. One thread, so that hand-ins side by side do not disturb."""
    threads = ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "VECLIB_MAXIMUM")
    return {
        "PATH": os.defpath,
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "LANG": "C.UTF-8",
        "MPLBACKEND": "Agg",
        "CUDA_VISIBLE_DEVICES": "",
        **{f"{name}_NUM_THREADS": "1" for name in threads},
    }
