"""People and programs: HTTP in, HTTP out. The only room that knows it."""
