"""From a drawing to a stored answer, without HTTP."""
