"""``python -m hw`` and the command ``hw``."""

import os
import signal
import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line, and exit with its code. Ctrl-C is one line from the first moment on,
    while modules are still being imported."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _nothing_begun)
    from hw import cli

    if signal.getsignal(signal.SIGINT) is _nothing_begun:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.exit(cli.main())


def _nothing_begun(*_: object) -> NoReturn:
    # Past Python's own way out, which may be in the middle of an import.
    os.write(2, b"error: interrupted; nothing was begun\n")
    os._exit(130)


if __name__ == "__main__":
    main()
