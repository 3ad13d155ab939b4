"""The pipes of a running child: a frame there, a frame back, and what it prints in between."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from hw.errors import HwError
from hw.grading.child import wire
from hw.grading.hand_in import Died, HandInFault, Nonsense, TimedOut
from hw.grading.sandbox import Launch

MAX_PRINTED = 64 << 10  # bytes kept of what it prints


class Handle(int):
    """An object that stays in the hand-in's process; ``type`` is the name of its class."""

    type: str = ""


class Child:
    """One process, until it is ended or fails: after that it has one answer, its fault.

    asked: the number of the last request.
    """

    def __init__(self, start: Launch, folder: Path) -> None:
        """Raises `HwError` where it cannot be started."""
        self.asked = 0
        self._kept = bytearray()
        self._fault: HandInFault | None = None
        self._waited = 0.0  # seconds in which it could have run and did not
        self._undo = start.undo
        try:
            self._process = subprocess.Popen(
                start.argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=folder,
                env=start.environment,
                start_new_session=True,
            )
        except OSError as error:
            raise HwError(f"no process for a hand-in can be started: {error.strerror}") from None
        self._pipes = [
            p for p in (self._process.stdin, self._process.stdout, self._process.stderr) if p
        ]
        self._requests, self._answers, self._prints = (p.fileno() for p in self._pipes)
        if sys.platform != "win32":  # where `hw.grading.sandbox.launch` starts none
            for pipe in (self._requests, self._answers, self._prints):
                os.set_blocking(pipe, False)

    @property
    def printed(self) -> str:
        return self._kept.decode(errors="replace")

    def clock(self) -> float:
        """Seconds that pass for the process: not those in which others had the processor."""
        with contextlib.suppress(OSError, ValueError, IndexError):  # where the system does not tell
            # Nanoseconds on a processor, and waiting for one.
            waited = Path(f"/proc/{self._process.pid}/schedstat").read_text().split()[1]
            self._waited = int(waited) / 1e9
        return time.monotonic() - self._waited

    def exchange(self, frame: bytes, seconds: float) -> Any:
        """Send a frame, and the value of the frame that comes back. Raises `HandInFault`."""
        if self._fault is not None:
            raise self._fault
        try:
            text, blocks = self._converse(memoryview(frame), self.clock() + seconds)
            return wire.unpack(text, blocks, _handle)
        except ValueError as error:
            raise self.end(Nonsense(str(error))) from None
        except HandInFault as fault:
            raise self.end(fault) from None

    def _converse(self, rest: memoryview, deadline: float) -> tuple[bytes, bytes]:
        answer = bytearray()
        with selectors.DefaultSelector() as selector:
            selector.register(self._requests, selectors.EVENT_WRITE)
            selector.register(self._answers, selectors.EVENT_READ)
            selector.register(self._prints, selectors.EVENT_READ)
            while True:
                seconds = deadline - self.clock()
                if seconds <= 0:
                    raise TimedOut
                for key, _ in selector.select(seconds):
                    if key.fd == self._requests:
                        try:
                            rest = rest[os.write(self._requests, rest[: 1 << 20]) :]
                        except BrokenPipeError:
                            rest = rest[:0]
                        if not rest:
                            selector.unregister(self._requests)
                        continue
                    part = os.read(key.fd, 1 << 20)
                    if key.fd == self._prints:
                        self._keep(part)
                        if not part:
                            selector.unregister(self._prints)
                    elif not part:
                        raise Died(self._how_it_ended())
                    else:
                        answer += part
                        if (whole := _whole(answer)) is not None:
                            self._drain()
                            return whole

    def _keep(self, part: bytes) -> None:
        self._kept += part[: MAX_PRINTED - len(self._kept)]

    def _drain(self) -> None:
        """What it had printed by now. Bounded: somebody may go on printing."""
        for _ in range(16):
            try:
                part = os.read(self._prints, 1 << 16)
            except OSError:
                return
            if not part:
                return
            self._keep(part)

    def _how_it_ended(self) -> str:
        try:
            code = self._process.wait(1)
        except subprocess.TimeoutExpired:
            return "it closed the pipe to the grader"
        self._drain()
        if code >= 0:
            return f"its process ended with exit code {code} while it was asked something"
        name = signal.Signals(-code).name
        if name == "SIGXCPU":
            return "it used more of the processor than it may"
        return f"it was ended by signal {name}"

    def end(self, fault: HandInFault | None = None) -> HandInFault:
        """End the process and all that it started; ``fault`` is what the next question raises."""
        if self._fault is None:
            self._fault = fault or Died("its process has ended")
            if sys.platform != "win32":
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._process.pid, signal.SIGKILL)
            if self._undo:
                # The client has gone; what it started in the container has not.
                subprocess.run(self._undo, stdin=subprocess.DEVNULL, capture_output=True)
            self._process.wait()
            for pipe in self._pipes:
                pipe.close()
        return self._fault


def _handle(inside: Any) -> Handle:
    if not (
        isinstance(inside, list)
        and len(inside) == 2
        and type(inside[0]) is int
        and isinstance(inside[1], str)
    ):
        raise ValueError("a handle that is none")
    handle = Handle(inside[0])
    handle.type = inside[1][:100]
    return handle


def _whole(answer: bytearray) -> tuple[bytes, bytes] | None:
    """The two parts of a frame that is complete. Raises `Nonsense` for one that cannot be."""
    head = wire.HEAD.size
    if len(answer) < head:
        return None
    text, blocks = wire.HEAD.unpack(answer[:head])
    if text > wire.MAX_TEXT or blocks > wire.MAX_BLOCKS:
        raise Nonsense("an answer that is too long")
    if len(answer) < head + text + blocks:
        return None
    if len(answer) > head + text + blocks:
        raise Nonsense("more than one answer to one request")
    return bytes(answer[head : head + text]), bytes(answer[head + text :])
