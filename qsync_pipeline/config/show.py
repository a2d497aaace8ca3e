"""How found values appear in messages: on one line, short, and no secret that strayed into another field."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable
from pathlib import Path

HIDDEN = "<hidden>"
_RUN = re.compile(r"[^\s/:,;\"'{}\[\]()<>@?&*]{16,}")
_WORDY = re.compile(
    r"(?:[A-Za-z]{1,20}[0-9]{0,4}|[0-9]{1,4})(?:[._-]+(?:[A-Za-z]{1,20}[0-9]{0,4}|[0-9]{1,4}))*"
)
_USERINFO = re.compile(r"[^\s/@]*:.*@")  # to the last @: passwords hold blanks and @ too
_QUERY = re.compile(r"\?.*", re.DOTALL)
_LIMIT = 60


def _hide(match: re.Match[str]) -> str:
    run = match.group().strip("._-~")
    return match.group() if _WORDY.fullmatch(run) or not run.isascii() else HIDDEN


def show(text: str | None) -> str:
    """``text`` on one line, at most 60 characters, with whatever looks like a token or a password hidden.

    A token is a run of 16 characters or more that is not made of words and small numbers.
    """
    line = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text or "")
    if "://" in line:
        line = _QUERY.sub(f"?{HIDDEN}", line)
    line = _USERINFO.sub(f"{HIDDEN}@", line)
    line = _RUN.sub(_hide, line)
    return line if len(line) <= _LIMIT else f"{line[: _LIMIT - 3]}..."


def show_path(path: Path) -> str:
    """A path in full. Parts that are really there are shown as they are: nobody's token is a directory."""
    shown, so_far = [], Path()
    for part in path.parts:
        so_far /= part
        shown.append(part if os.path.exists(so_far) else show(part))
    return str(Path(*shown)) if shown else "."


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``Did you mean x?``, or nothing where no known word is near."""
    folded = {k.casefold(): k for k in known}
    near = difflib.get_close_matches(word.casefold(), folded, n=1)
    return f"Did you mean {folded[near[0]]}?" if near else ""
