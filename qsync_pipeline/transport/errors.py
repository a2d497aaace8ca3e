"""What can go wrong with an outside system, told apart by what to do about it.

Every message names the system and what to do next, and holds no secret: URLs without their query, bodies
cut short and redacted.
"""

from __future__ import annotations

from typing import ClassVar

from qsync_pipeline.core.rows import RejectionClass


class SyncError(Exception):
    """Base of all errors of this package that a user may see without a traceback."""

    exit_status: ClassVar[int] = 1
    """Of a command that it ends (DESIGN.md §6)."""


class ConfigError(SyncError):
    """The configuration is wrong, or asks for something that does not exist (exit status 2)."""

    exit_status = 2


class OutsideError(SyncError):
    """A call to an outside system failed."""

    _rejection_class: ClassVar[RejectionClass] = "validation"

    def __init__(
        self,
        message: str,
        *,
        system: str = "",
        status: int | None = None,
        code: str = "",
        detail: str = "",
        culprit: str = "",
        worded: bool = False,
    ) -> None:
        super().__init__(message)
        self.system = system
        self.status = status
        self.code = code
        """The vendor's own error code where there is one (Atlan: ``ATLAS-404-00-005``)."""
        self.detail = detail
        """The vendor's own words, redacted and cut short."""
        self.culprit = culprit
        """Id of the object that the answer blames, where it names one (Atlan: ``entityGuid``)."""
        self.worded = worded
        """Whether the API itself answered, in JSON: a proxy's page proves nothing about an object."""

    @property
    def rejection_class(self) -> RejectionClass:
        """The class of a write that was refused in this way; a vendor's codes may tell more."""
        return self._rejection_class


class Unreachable(OutsideError):
    """No answer at all, or none within the retries: stop, exit status 3."""

    exit_status = 3


class Unauthorized(OutsideError):
    """401: the credentials were refused; the run stops, exit status 3."""

    exit_status = 3


class Forbidden(OutsideError):
    """403 on an object: it goes into the forbidden bucket."""

    _rejection_class = "permission"


class NotFound(OutsideError):
    """404, the object is not there (or, for some calls, in a state that has no answer)."""

    @property
    def rejection_class(self) -> RejectionClass:
        """Missing where the API itself says so. The page of something in between says nothing of the object,
        and is worth another try."""
        return "missing" if self.worded else "server"


class Conflict(OutsideError):
    """409: something else stands in the way."""

    _rejection_class = "conflict"


class Rejected(OutsideError):
    """400, 413, 422 and the like: the payload was refused; repeating it as it is cannot help."""


class Throttled(OutsideError):
    """429 after all patience: the budget of the host is used up by somebody."""

    _rejection_class: ClassVar[RejectionClass] = "throttle"


class ThrottledAfterSend(Throttled):
    """429 on a question about a write that was accepted: read before repeating."""

    _rejection_class = "server"


class ServerError(OutsideError):
    """5xx after all retries."""

    _rejection_class = "server"


class Malformed(OutsideError):
    """A 2xx whose body is not what was promised (HTML, no JSON, no envelope): never read as empty."""

    _rejection_class = "server"


class NotTheSystem(Malformed):
    """HTML where JSON was promised: a login page or a proxy answered, the system itself was not reached."""

    exit_status = 3


class TimedOutAfterSend(OutsideError):
    """A write may or may not have been accepted: read before repeating."""

    _rejection_class = "server"
