"""What we remember: every answer that was given, and the keys of those who may ask."""
