"""Pack the seeds of every question into the calibrations that come with hw.

    python tools/pack_calibrations.py RESULTS_DIR [RESULTS_DIR ...] [--only ID ...]

Reads the folders that ``hw run --seeds`` and ``hw calibrate`` have left, with what ``hw calibrate
--ulps`` found from one start, and writes
``configs/<homework>/calibrations/<question>.json.gz``. Of each question and seed, the first folder
that has it counts. A question with fewer than five finished seeds keeps the file that it has.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from hw import console  # noqa: E402
from hw.config import catalog  # noqa: E402
from hw.errors import HwError  # noqa: E402
from hw.verdicts import shipped  # noqa: E402
from hw.verdicts.calibration import spans  # noqa: E402

FEWEST = 5


def main(roots: list[Path], only: list[str]) -> int:
    """1 where the seeds of a question cannot be packed, else 0."""
    rows, total, failed = [], 0, 0
    for question in catalog.select(only or ["all"])[0]:
        if not question.trains:
            continue
        try:
            seeds = shipped.find(question, roots)
            if not seeds:
                continue
            if len(seeds) < FEWEST:
                rows.append([question.id, spans([one.seed for one in seeds]), "too few", ""])
                continue
            document = shipped.pack(question, seeds, roots)
            path = shipped.path_of(question)
            shipped.write(path, document)
        except HwError as error:
            console.say(f"error: {error}")
            failed = 1
            continue
        data = document["data"]["provenance"] if document["data"] else "no data"
        size = path.stat().st_size
        rows.append([question.id, spans(document["seeds"]), data, f"{size}"])
        total += size
    console.show(console.table(["question", "seeds", "data", "bytes"], rows))
    console.show(f"{total} bytes in all")
    return failed


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("roots", nargs="+", type=Path, metavar="RESULTS_DIR")
    parser.add_argument("--only", action="append", default=[], metavar="ID", help="ids or globs")
    arguments = parser.parse_args()
    sys.exit(main(arguments.roots, arguments.only))
