"""Mistakes in a config, one line each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from qsync_pipeline.config.show import show
from qsync_pipeline.transport.errors import ConfigError

Path = tuple[str | int, ...]
"""Where a value stands: ``("integrations", 0, "token")``."""


def dotted(path: Path) -> str:
    """``integrations[0].token``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f"{'.' if text else ''}{show(part)}"
    return text


@dataclass(frozen=True)
class Problem:
    """One mistake, its words already fit to be shown. ``line`` counts from 1; 0 is the file as a whole."""

    line: int
    path: Path
    found: str
    allowed: str
    hint: str = ""

    def render(self, file: str) -> str:
        """``file:line: field.path: found X; allowed: Y. What to do.``"""
        where = f"{file}:{self.line}: " if self.line else f"{file}: "
        field = f"{dotted(self.path)}: " if self.path else ""
        hint = f" {self.hint}{'' if self.hint[-1] in '.?' else '.'}" if self.hint else ""
        return f"{where}{field}found {self.found}; allowed: {self.allowed}.{hint}"


class WrongConfig(ConfigError):
    """The config holds these mistakes, sorted by line; the message has one line for each."""

    def __init__(self, file: str, problems: Iterable[Problem]) -> None:
        ordered = sorted(problems, key=lambda p: p.line)
        # A key may be a token that strayed, so what is kept is what is shown.
        self.problems = tuple(
            replace(p, path=tuple(show(k) if isinstance(k, str) else k for k in p.path)) for p in ordered
        )
        super().__init__("\n".join(problem.render(file) for problem in self.problems))
