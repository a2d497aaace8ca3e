"""Each fault in each phase of a sync: what the user sees, and that the next sync settles it."""
