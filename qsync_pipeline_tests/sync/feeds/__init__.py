"""What notices changes by asking."""
