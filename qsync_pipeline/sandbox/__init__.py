"""Local Qualytics, Atlan and Alation servers that the vendors' own clients cannot tell from the real thing.

A product of its own: strict where the real systems are strict. Loopback only.
"""
