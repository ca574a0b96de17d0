"""Tests of app/scoring/outputs/."""
