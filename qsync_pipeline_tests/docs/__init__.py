"""The documentation: its generated parts (``make docs``), and tests that hold the rest to the code."""
