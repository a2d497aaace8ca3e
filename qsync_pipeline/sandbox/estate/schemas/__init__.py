"""Table schemas of the demo estate, as compact text for :func:`~qsync_pipeline.sandbox.estate.columns.parse`.

Public teaching schemas that people recognise (names of tables and columns only, written from general
knowledge), and the marts of a made-up business.
"""
