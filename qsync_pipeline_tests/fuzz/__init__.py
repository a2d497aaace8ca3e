"""Malformed answers: an error that has a name, or the same result; never green with fewer objects."""
