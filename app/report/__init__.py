"""Report on the stored answers: which version reads better, how sure that is, and where it comes from."""
