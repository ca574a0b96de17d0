"""HTTP in, HTTP out, for people and programs: the only room that knows HTTP."""
