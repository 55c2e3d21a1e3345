"""The version of the suite, from where it is written once."""

from __future__ import annotations

import tomllib
from pathlib import Path

VERSION = str(
    tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
)
