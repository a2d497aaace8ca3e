"""Telling people what needs them: causes, messages, and the channels that carry them."""
