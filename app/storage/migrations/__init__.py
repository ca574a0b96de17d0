"""The steps from one schema to the next, one module each; a step that was released is never changed."""
