"""Where releases come from: an address, the three verbs of a source, and one file for each kind of source."""
