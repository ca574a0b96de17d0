"""Storage of every answer that was given, and of the keys of those who may ask."""
