"""Storage of every answer given, and of the keys of callers."""
