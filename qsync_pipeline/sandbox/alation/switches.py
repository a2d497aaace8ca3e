"""What is not known of Alation for certain, as switches.

"Row N" is a row of the decisions table in alation-api.md §6; the default is the answer recommended there.
Where the dossier only infers, the other way is here too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Outcome = Literal["successful", "failed", "partially_successful", "stuck"]
"""How a job ends; a stuck one says ``running`` for ever (§2.10, §5.3)."""

Announcement = Literal["as_documented", "job_id", "href", "task", "job", "job_name"]
"""How a reply names the job that it started (§2.10)."""


@dataclass(frozen=True)
class AlationSwitches:
    """Settings of one sandbox instance. Durations are virtual seconds."""

    create_token_status: Literal[200, 201] = 201
    """Row 1: status of createAPIAccessToken."""
    access_token_hours: float = 24
    """Row 2: life of an access token."""
    refresh_token_days: float = 60
    """Row 2: life of a refresh token."""
    lenient_slashes: bool = False
    """Row 5: paths without their final slash are served like the others."""
    unknown_parameters: Literal["refuse", "ignore"] = "refuse"
    """Row 6: unknown query parameters of v2 lists are 400 with code 400006, or ignored."""
    page_cap: int = 1000
    """Row 7: most rows of one answer; asking for more silently yields this many."""
    absolute_next_page: bool = False
    """Row 8: X-Next-Page is a whole URL instead of a path; allie-sdk's GET cannot follow that."""
    total_count: bool = False
    """Row 9: answers carry X-Total-Count."""
    exact_key_first: bool = True
    """Row 11: of objects whose keys differ by case only, the one spelled exactly so is taken; else the
    oldest [inferred]."""
    unknown_field_key: Literal["row", "refuse"] = "row"
    """Row 13: a health value with an unknown field_key fails alone in the job, or its request with 400."""
    entry_base: Literal[0, 1] = 1
    """Row 14: what ``Entry`` of a refused health body counts from."""
    health_body_cap: int = 10_000
    """Row 16: rows of one health body; more are 413."""
    health_sample: int = 10
    """Row 17: how many rows the samples of a health job hold."""
    attribution: Literal["created", "all"] = "created"
    """§2.9: whether created_object_attribution counts updated values among its successes [inferred]."""
    propagate_health: bool = True
    """Row 19: a column's values also appear on its table."""
    cascade_fields: bool = True
    """Row 20: deleting a health field deletes its values."""
    strict_value_types: bool = False
    """Row 22: a health value that does not fit its field's type is refused with 400, or stored as given."""
    job_seconds: float = 0.1
    """Row 23: how long a job runs; what it does is seen once it is over."""
    job_polls: int = 1
    """Row 23: how many polls say ``running`` at least, however much time has passed."""
    job_outcome: Outcome = "successful"
    """Row 24: how every job ends; single ones are steered by :meth:`.jobs.Jobs.steer`."""
    announcement: Announcement = "as_documented"
    """§2.10: the shape in which replies name their job."""
    deployment: Literal["cloud", "onprem"] = "cloud"
    """Row 25: a write of field values makes two chained jobs, or one."""
    value_rows: int = 10_000
    """Row 27: values of one write."""
    value_bytes: int = 190_000
    """Row 27: longest value, in bytes of UTF-8."""
    value_members: int = 256
    """Row 27: members of an object set or multi-picker."""
    guard_ts_updated: bool = False
    """§2.4: a value sent with an older ts_updated than the stored one is ignored [inferred]."""
    wrap_rich_text: bool = True
    """§2.4: rich text without a block element comes back inside a paragraph, as flag reasons do (row 43)
    [inferred]."""
    post_resets: bool = True
    """Row 30: a relational POST resets what it leaves out, custom fields included."""
    unseen_objects: Literal["tell", "empty"] = "tell"
    """§2.6: asking for the tags of one object is 404 where it is gone and 403 where it is out of sight, or an
    empty list for both [inferred]. The lists of objects leave out both without a word."""
    subject_property: Literal["subject", "object"] = "subject"
    """Row 36: how a tagged object is called in the list of a tag's objects."""
    second_flag: Literal["refuse", "update"] = "refuse"
    """Row 38: posting a flag that exists is 400, or changes its reason in place."""
    one_warning: bool = True
    """§2.7: one WARNING and one DEPRECATION for each subject, whoever set it; off: one for each user
    [inferred]."""
    flag_owners_only: bool = True
    """Row 40: only its owner or a server admin may change or remove a flag."""
    flag_subject_id: Literal["number", "text"] = "number"
    """Row 44: the type of ``subject.id`` in flags."""
    domain_delete: Literal["object", "job"] = "object"
    """Row 46: deleting domains answers at once, or with a job."""
    delete_subdomains: bool = True
    """Row 47: the children of a deleted domain go with it, or move up to the root."""
    bulk_membership: int = 1000
    """Row 51: from this many objects on, a membership change is a job."""
    throttling: Literal["off", "documented", "everything"] = "off"
    """Row 52: which calls are throttled (documented: relational ones)."""
    throttle_per_second: int = 20
    """§1.5: reads or writes that a throttled API takes in a second."""
    native_connectors: str = "mysql"
    """§2.1: connectors whose data sources are in the v1 list only, separated by commas [inferred]."""
    hidden_source_status: Literal[403, 404] = 403
    """§2.1: what asking by id for a data source out of sight answers [inferred]."""
    release: str = "2025.3.1"
    """What ``/full_version`` says."""
