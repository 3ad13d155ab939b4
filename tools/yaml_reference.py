"""Write docs/yaml.md: every key of every YAML file.

python tools/yaml_reference.py
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from hw.config.reference import markdown  # noqa: E402

if __name__ == "__main__":
    (ROOT / "docs" / "yaml.md").write_text(markdown(), encoding="utf-8")
