"""The comparison of a release's views: artefact, card, code and golden set."""
