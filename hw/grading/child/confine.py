"""What keeps a hand-in to itself: limits, and what Linux offers a program that gives up its rights.

`confine` is called before the first line of the hand-in runs, and says which protections held. None
of them is a wall that nobody climbs; together they keep accidents and the usual tricks away.

Sources: landlock(7), seccomp(2), ``linux/landlock.h``, ``linux/seccomp.h``, ``linux/filter.h``.
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import struct
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

_MB = 1 << 20


def confine(folder: str, hidden: str, seconds: int, memory_mb: int, file_mb: int) -> list[str]:
    """Confine this process to ``folder``; the protections that hold, in words.

    hidden: a folder that must not be read, even where what lies around it may be: the grader's own.
    """
    held = _limits(seconds, memory_mb, file_mb)
    if not sys.platform.startswith("linux"):
        return held
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, 9, 0, 0, 0)
    # Settings of the kernel that a process may only make stricter, and that outlive exec.
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return held
    steps: tuple[tuple[str, Callable[[], bool]], ...] = (
        ("network: own namespace", lambda: _no_network(libc)),
        ("files: Landlock", lambda: _landlock(libc, folder, hidden)),
        ("processes and signals: seccomp", lambda: _seccomp(libc)),
    )
    return held + [words for words, step in steps if step()]


def _limits(seconds: int, memory_mb: int, file_mb: int) -> list[str]:
    wanted = {
        "RLIMIT_CPU": (seconds, f"time: {seconds} s of the processor"),
        "RLIMIT_DATA": (memory_mb * _MB, f"memory: {memory_mb} MB"),
        # What could be shared counts here alone, but so does what is reserved and never touched.
        "RLIMIT_AS": (_reserved() + memory_mb * _MB * 4, ""),
        "RLIMIT_FSIZE": (file_mb * _MB, f"size of a file: {file_mb} MB"),
        "RLIMIT_NOFILE": (256, ""),
        "RLIMIT_CORE": (0, ""),
    }
    held: list[str] = []
    if sys.platform == "win32":  # where no hand-in is started
        return held
    for name, (limit, words) in wanted.items():
        try:
            kind = getattr(resource, name)
            highest = resource.getrlimit(kind)[1]
            limit = limit if highest == resource.RLIM_INFINITY else min(limit, highest)
            resource.setrlimit(kind, (limit, limit))
        except (AttributeError, OSError, ValueError):
            continue
        if words:
            held.append(words)
    return held


def _reserved() -> int:
    """Bytes of addresses that this process has by now: a large library reserves a good deal."""
    if sys.platform == "win32":
        return 0
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except OSError:
        return 0
    return pages * resource.getpagesize()


_PR_SET_PDEATHSIG, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 22, 38
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_CAPABILITIES_3 = 0x20080522


def _no_network(libc: ctypes.CDLL) -> bool:
    """A network namespace of its own, with nothing in it; then no capability is left."""
    held = any(
        libc.unshare(flags) == 0 for flags in (_CLONE_NEWNET, _CLONE_NEWUSER | _CLONE_NEWNET)
    )
    header, none = struct.pack("=Ii", _CAPABILITIES_3, 0), bytes(24)
    libc.capset(header, none)
    return held


# Landlock: files may be read where Python and its packages are, and written in one folder.

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_TRUNCATE = 1 << 14
_OF_A_FILE = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_SYSTEM = (
    *("/usr", "/lib", "/lib64", "/lib32", "/bin", "/etc", "/opt", "/nix/store"),
    *("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom"),
    *("/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/sys/devices/system"),
)


def _landlock(libc: ctypes.CDLL, folder: str, hidden: str) -> bool:
    abi = libc.syscall(_CREATE_RULESET, None, 0, 1)
    if abi < 1:
        return False
    # Rights by version: 13 at first, then links across folders, truncation, devices.
    bits = 13 + (abi >= 2) + (abi >= 3) + (abi >= 5)
    rights = (1 << bits) - 1
    network = 0b11 if abi >= 4 else 0  # bind and connect
    scopes = 0b11 if abi >= 6 else 0  # abstract sockets and signals
    attributes = struct.pack("=QQQ", rights, network, scopes)
    size = 24 if abi >= 6 else 16 if abi >= 4 else 8
    ruleset = libc.syscall(_CREATE_RULESET, attributes, size, 0)
    if ruleset < 0:
        return False
    readable = {Path(p).resolve() for p in (*_SYSTEM, sys.prefix, sys.base_prefix) if _exists(p)}
    for top in readable:
        for path, allowed in _around(top, Path(hidden).resolve()):
            _allow(libc, ruleset, path, allowed & rights)
    _allow(libc, ruleset, Path("/dev/null"), (_READ_FILE | _WRITE_FILE) & rights)
    _allow(libc, ruleset, Path(folder).resolve(), rights)
    held = libc.syscall(_RESTRICT_SELF, ruleset, 0) == 0
    os.close(ruleset)
    return held


def _exists(path: str) -> bool:
    return os.path.exists(path) and os.path.realpath(path) != "/"


def _around(top: Path, hidden: Path) -> Iterator[tuple[Path, int]]:
    """``top`` and what may be read of it: all, or, where ``hidden`` lies inside, all but that."""
    if top == hidden or top.is_relative_to(hidden):
        return
    if not hidden.is_relative_to(top):
        yield top, _READ
        return
    yield top, _READ_DIR
    for inside in top.iterdir():
        # A link leads to where it leads: what is behind it has a rule of its own, or none.
        if not inside.is_symlink():
            yield from _around(inside, hidden)


def _allow(libc: ctypes.CDLL, ruleset: int, path: Path, rights: int) -> None:
    if sys.platform != "linux":
        return
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    if not path.is_dir():
        rights &= _OF_A_FILE
    libc.syscall(_ADD_RULE, ruleset, 1, struct.pack("=Qi", rights, place), 0)
    os.close(place)


# seccomp: a small program of the kernel's own machine that sees every system call.

_EPERM, _EAGAIN, _EACCES, _ENOSYS = 1, 11, 13, 38
_CLONE_THREAD = 0x10000
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_LOAD, _IF_EQUAL, _IF_AT_LEAST, _IF_ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16

# The architecture's number, the system calls' numbers.
_CALLS: dict[str, tuple[int, dict[str, int]]] = {
    "x86_64": (
        0xC000003E,
        {
            "socket": 41,
            "clone": 56,
            "fork": 57,
            "vfork": 58,
            "kill": 62,
            "ptrace": 101,
            "tkill": 200,
            "tgkill": 234,
            "rt_sigqueueinfo": 129,
            "rt_tgsigqueueinfo": 297,
            "process_vm_readv": 310,
            "process_vm_writev": 311,
        },
    ),
    "aarch64": (
        0xC00000B7,
        {
            "ptrace": 117,
            "kill": 129,
            "tkill": 130,
            "tgkill": 131,
            "rt_sigqueueinfo": 138,
            "socket": 198,
            "clone": 220,
            "rt_tgsigqueueinfo": 240,
            "process_vm_readv": 270,
            "process_vm_writev": 271,
        },
    ),
}
# These have one number everywhere.
_COMMON = {"pidfd_send_signal": 424, "io_uring_setup": 425, "pidfd_open": 434, "clone3": 435}

# What is refused whatever its arguments, and with which error.
_REFUSED = {
    "fork": _EAGAIN,
    "vfork": _EAGAIN,
    "clone3": _ENOSYS,  # the C library then tries clone, whose flags can be looked at
    "socket": _EACCES,
    "io_uring_setup": _EPERM,
    "ptrace": _EPERM,
    "process_vm_readv": _EPERM,
    "process_vm_writev": _EPERM,
    "pidfd_open": _EPERM,
    "pidfd_send_signal": _EPERM,
    "tkill": _EPERM,
    "rt_sigqueueinfo": _EPERM,
    "rt_tgsigqueueinfo": _EPERM,
}


def _seccomp(libc: ctypes.CDLL) -> bool:
    if platform.machine() not in _CALLS or sys.maxsize < 1 << 32:
        return False
    architecture, numbers = _CALLS[platform.machine()]
    program = b"".join(_program(architecture, {**numbers, **_COMMON}))
    buffer = ctypes.create_string_buffer(program, len(program))
    # struct sock_fprog: the number of instructions, and where they are.
    pointer = struct.pack("=H6xQ", len(program) // 8, ctypes.addressof(buffer))
    return libc.prctl(_PR_SET_SECCOMP, 2, pointer, 0, 0) == 0


def _program(architecture: int, numbers: dict[str, int]) -> Iterator[bytes]:
    yield _step(_LOAD, _ARCHITECTURE)
    yield from _when(_IF_EQUAL, architecture, otherwise=[_refuse(_EPERM)])
    yield _step(_LOAD, _NUMBER)
    # The second set of numbers that x86_64 has, for pointers of 32 bits.
    yield from _when(_IF_AT_LEAST, 0x40000000, then=[_refuse(_EPERM)])
    for name, error in _REFUSED.items():
        if name in numbers:
            yield from _when(_IF_EQUAL, numbers[name], then=[_refuse(error)])
    argument = _step(_LOAD, _FIRST_ARGUMENT)
    threads_only = _when(_IF_ANY_BIT, _CLONE_THREAD, otherwise=[_refuse(_EAGAIN)])
    yield from _when(_IF_EQUAL, numbers["clone"], then=[argument, *threads_only, _allowed()])
    for name in ("kill", "tgkill"):
        itself_only = _when(_IF_EQUAL, os.getpid(), otherwise=[_refuse(_EPERM)])
        yield from _when(_IF_EQUAL, numbers[name], then=[argument, *itself_only, _allowed()])
    yield _allowed()


def _step(code: int, value: int, then: int = 0, otherwise: int = 0) -> bytes:
    """struct sock_filter: what to do, how many instructions to skip if so and if not, a number."""
    return struct.pack("=HBBI", code, then, otherwise, value)


def _when(
    test: int, value: int, then: Sequence[bytes] = (), otherwise: Sequence[bytes] = ()
) -> list[bytes]:
    """Either list of instructions is run where the test comes out so, and what follows after it.

    One of the two is empty, or ends by returning.
    """
    if then:
        return [_step(test, value, 0, len(then)), *then, *otherwise]
    return [_step(test, value, len(otherwise), 0), *otherwise]


def _refuse(error: int) -> bytes:
    return _step(_RETURN, _ERRNO | error)


def _allowed() -> bytes:
    return _step(_RETURN, _ALLOW)
