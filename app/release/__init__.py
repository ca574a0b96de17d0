"""The origin of a model: the repository, one tag of it, the lock, and the files in models/."""
