"""OpenFeature flags, evaluated in process from one file: which version answers whom, and what is shown and kept."""
