"""What the stored answers show: which version reads better, how sure that is, and where it comes from."""
