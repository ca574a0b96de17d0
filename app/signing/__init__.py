"""Signatures of releases: who signed, and does it hold? It knows bytes and keys, and no record or source."""
