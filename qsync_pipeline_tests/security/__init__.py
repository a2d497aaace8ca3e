"""Nothing leaks, and nothing from outside gives orders."""
