"""The Alation adapter: client, reader, writer (facts: alation-api.md)."""
