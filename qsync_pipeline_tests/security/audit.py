"""``make audit``: known vulnerabilities of the versions in constraints.txt, by pip-audit.

The advisories come from OSV. Where it cannot be reached that is said, and nothing fails: a machine without
network proves nothing about a dependency. Nothing is installed and no package index is asked.
"""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import requests

DATABASE = "https://api.osv.dev/v1/query"
CONSTRAINTS = Path(__file__).parents[2] / "constraints.txt"
PATIENCE = 5.0
"""Seconds for one answer, before the database counts as out of reach."""


def out_of_reach(url: str = DATABASE) -> str:
    """Why no audit can be made here, or nothing."""
    if find_spec("pip_audit") is None:
        return "pip-audit is not installed (pip install --constraint constraints.txt '.[audit]')"
    try:
        asked = {"package": {"name": "pip", "ecosystem": "PyPI"}, "version": "26.0"}
        answer = requests.post(url, json=asked, timeout=PATIENCE)
        answer.json()
    except (requests.RequestException, ValueError) as error:
        return f"the database of advisories cannot be reached: {type(error).__name__}"
    return "" if answer.ok else f"the database of advisories answered with {answer.status_code}"


def command(constraints: Path = CONSTRAINTS) -> list[str]:
    """What is run: the pinned versions as they stand, resolved and installed by nobody."""
    return [sys.executable, "-m", "pip_audit", "--progress-spinner", "off", "--vulnerability-service", "osv",
            "--no-deps", "--disable-pip", "--requirement", str(constraints)]  # fmt: skip


def audit(constraints: Path = CONSTRAINTS, url: str = DATABASE) -> int:
    """Exit status: 0 nothing known, or not to be found out here; 1 something is known, and it is listed."""
    if why := out_of_reach(url):
        sys.stdout.write(f"audit skipped: {why}\n")
        return 0
    return subprocess.run(command(constraints), check=False).returncode


if __name__ == "__main__":
    sys.exit(audit())
