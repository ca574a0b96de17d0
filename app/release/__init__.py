"""Where a model comes from: fetching a tag, the lock, the card, the installed release."""
