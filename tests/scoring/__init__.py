"""Tests of app/scoring/."""
