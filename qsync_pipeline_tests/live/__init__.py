"""Tests against Dagster as people run it: webserver, daemon and code server as processes of their own."""
