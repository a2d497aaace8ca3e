"""The webhook receiver: what Qualytics and the catalogs tell becomes events in the ledger.

``app`` is the HTTP side, ``access`` and ``limits`` guard it, ``flows`` and ``atlan`` read what the two
systems send, ``places`` finds the datastore and container that is meant, ``inbox`` keeps the events.
"""
