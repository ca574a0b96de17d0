"""Tests of app/scoring/inputs/."""
