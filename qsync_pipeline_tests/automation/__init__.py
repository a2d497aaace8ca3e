"""Tests of how syncs start."""
