"""Sensors that watch the systems outside and note events; they start no run."""

import dagster as dg

from qsync_pipeline.config import Config
from qsync_pipeline.resources import LedgerResource, QualyticsResource
from qsync_pipeline.sync.feeds.poller import Noticed, Poller
from qsync_pipeline.transport.errors import Malformed, OutsideError, ServerError, Throttled, Unreachable

INTERVAL = 15
"""Seconds between two ticks."""

PASSING = (Malformed, ServerError, Throttled, Unreachable)
"""Errors that go away by themselves; the others need somebody, and fail the tick."""


def build_watching(config: Config) -> list[dg.SensorDefinition]:
    """The sensors that watch, running where the configuration asks for them."""
    by_event = any(integration.event_driven for integration in config.integrations)
    return [_qualytics_changes(running=by_event)]


def _qualytics_changes(*, running: bool) -> dg.SensorDefinition:
    @dg.sensor(
        name="qualytics_changes",
        minimum_interval_seconds=INTERVAL,
        default_status=_status(running=running),
        description="Asks Qualytics what happened: operations that finished, anomalies and checks that came "
        "up, changed or went. What it finds is noted as events in the ledger, which the integrations' own "
        "sensors turn into runs. Its first tick only remembers how things stand.",
    )
    def qualytics_changes(
        context: dg.SensorEvaluationContext, qualytics: QualyticsResource, ledger: LedgerResource
    ) -> dg.SkipReason:
        """Note what is new; a call that failed leaves the cursor where it was."""
        book = ledger.ledger()
        client = qualytics.client(book)
        try:
            noticed = Poller(client, book).tick(context.cursor)
        except PASSING as error:
            return dg.SkipReason(f"Qualytics could not be asked; nothing is lost by it. {error}")
        except OutsideError as error:
            raise dg.Failure(description=str(error), allow_retries=False) from error
        finally:
            client.close()
        context.update_cursor(noticed.cursor)
        return dg.SkipReason(_told(noticed))

    return qualytics_changes


def _status(*, running: bool) -> dg.DefaultSensorStatus:
    return dg.DefaultSensorStatus.RUNNING if running else dg.DefaultSensorStatus.STOPPED


def _told(noticed: Noticed) -> str:
    """What a tick found, in a sentence for its page."""
    if noticed.first:
        found = "First tick: how things stand is remembered, nothing is replayed."
    elif noticed.events:
        found = f"Noted {noticed.events} event{'' if noticed.events == 1 else 's'}."
    else:
        found = "Nothing new."
    return f"{found} {noticed.due} datastores still to be looked at." if noticed.due else found
