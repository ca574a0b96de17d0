"""The origin of a model: fetching a tag, the lock, the card, the installed release."""
