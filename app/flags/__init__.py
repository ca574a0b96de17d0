"""Which version answers whom, and what is shown and kept: OpenFeature flags, evaluated in process from one file."""
