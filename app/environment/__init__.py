"""The file `.env`: how it is read and written, and what may stand in it."""
