"""``make bench``: figures, side by side, on this machine. No test asserts any of them."""
