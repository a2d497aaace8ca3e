"""Sensors that watch the systems outside and note events; they start no run."""

from collections.abc import Sequence

import dagster as dg

from qsync_pipeline.automation.catalog_news import CatalogNews, notice_changes
from qsync_pipeline.automation.confirming import build_confirming
from qsync_pipeline.automation.passing import PASSING
from qsync_pipeline.automation.scrubbing import scrubbed
from qsync_pipeline.catalogs.base import TellsChanges
from qsync_pipeline.config import Config, IntegrationConfig
from qsync_pipeline.resources import CatalogResource, LedgerResource, QualyticsResource
from qsync_pipeline.sync.feeds.poller import Noticed, Poller
from qsync_pipeline.transport.errors import OutsideError

INTERVAL = 15
"""Seconds between two ticks of the sensor that watches Qualytics."""
CATALOG_INTERVAL = 30
"""Seconds between two ticks of a sensor that watches a catalog; Atlan's log is up to a minute late anyway."""


def build_watching(config: Config) -> list[dg.SensorDefinition]:
    """The sensors that watch, running where the configuration asks for them."""
    by_event = [integration.name for integration in config.integrations if integration.event_driven]
    return [
        _qualytics_changes(by_event),
        *(_catalog_changes(integration) for integration in config.integrations),
        *build_confirming(config),
    ]


def _qualytics_changes(by_event: Sequence[str]) -> dg.SensorDefinition:
    @dg.sensor(
        name="qualytics_changes",
        minimum_interval_seconds=INTERVAL,
        default_status=_status(running=bool(by_event)),
        description="Asks Qualytics what happened: operations that finished, anomalies and checks that came "
        "up, changed or went. What it finds is noted as events in the ledger, which the integrations' own "
        "sensors turn into runs. Its first tick only remembers how things stand.",
    )
    @scrubbed
    def qualytics_changes(
        context: dg.SensorEvaluationContext, qualytics: QualyticsResource, ledger: LedgerResource
    ) -> dg.SkipReason:
        """Note what is new; a call that failed leaves the cursor where it was."""
        book = ledger.ledger()
        client = qualytics.client(book)
        try:
            noticed = Poller(client, book, integrations=by_event).tick(context.cursor)
        except PASSING as error:
            return _waiting("Qualytics", error)
        except OutsideError as error:
            raise dg.Failure(description=str(error), allow_retries=False) from error
        finally:
            client.close()
        context.update_cursor(noticed.cursor)
        return dg.SkipReason(_told(noticed))

    return qualytics_changes


def _catalog_changes(integration: IntegrationConfig) -> dg.SensorDefinition:
    @dg.sensor(
        name=f"{integration.name}_changes",
        minimum_interval_seconds=CATALOG_INTERVAL,
        default_status=_status(running=integration.pull_on_change),
        required_resource_keys={"ledger", integration.name},
        description=f"Asks {integration.name} whose tags people changed, our own changes left out, and notes "
        f"it for the sensor {integration.name}_events. Runs where the configuration says "
        "`pull_on_change: true`. Its first tick only remembers how things stand.",
    )
    @scrubbed
    def catalog_changes(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        """Note what is new. How far the catalog was read is kept in the ledger, not in the cursor."""
        ledger: LedgerResource = context.resources.ledger
        resource: CatalogResource = getattr(context.resources, integration.name)
        catalog = resource.catalog(ledger.ledger())
        try:
            if not isinstance(catalog, TellsChanges):
                return dg.SkipReason(f"{integration.type} offers no way to ask what changed.")
            news = notice_changes(catalog, ledger.ledger(), integration)
        except PASSING as error:
            return _waiting(integration.name, error)
        except OutsideError as error:
            raise dg.Failure(description=str(error), allow_retries=False) from error
        finally:
            catalog.close()
        return dg.SkipReason(_news(news))

    return catalog_changes


def _status(*, running: bool) -> dg.DefaultSensorStatus:
    return dg.DefaultSensorStatus.RUNNING if running else dg.DefaultSensorStatus.STOPPED


def _waiting(system: str, error: OutsideError) -> dg.SkipReason:
    return dg.SkipReason(f"{system} could not be asked; nothing is lost by it. {error}")


def _told(noticed: Noticed) -> str:
    """What a tick found, in a sentence for its page."""
    if noticed.first:
        found = "First tick: how things stand is remembered, nothing is replayed."
    elif noticed.events:
        found = f"Noted {_count(noticed.events, 'event')}."
    else:
        found = "Nothing new."
    return f"{found} {_count(noticed.due, 'datastore')} still to be looked at." if noticed.due else found


def _news(news: CatalogNews) -> str:
    if news.first:
        return "First tick: how things stand is remembered, nothing is replayed."
    if not news.changes:
        return "Nothing new."
    return f"{_count(news.changes, 'change')} by people, {_count(news.events, 'event')} noted."


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
