"""Noticing by asking: what changed in Qualytics and in the catalogs since the last look.

Every module here turns feeds into events of the ledger (:mod:`qsync_pipeline.ledger.events`); none starts a
run. :mod:`.newest`, :mod:`.memory` and :mod:`.operations` are pure.
"""
