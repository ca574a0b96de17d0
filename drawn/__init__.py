"""Digits as people draw them, and photographs of them: what a release is measured with that nobody has to collect."""
