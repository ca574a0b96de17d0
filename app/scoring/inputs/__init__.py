"""Inputs: files and rows that hold digits, read in pieces."""
