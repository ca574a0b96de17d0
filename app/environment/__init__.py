"""The file `.env`: reading it, writing it, and the rules for its contents."""
