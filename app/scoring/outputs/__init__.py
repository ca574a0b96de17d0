"""Files of answers: drafts, put in place whole."""
