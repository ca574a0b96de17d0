"""Other people's clients and servers, real ones, with the same releases: `make sources`."""
