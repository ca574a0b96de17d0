"""Digits as people draw them, and photographs of them: material for measuring a release that nobody has to collect."""
