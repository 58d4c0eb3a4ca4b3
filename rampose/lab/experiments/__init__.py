"""Comparing trainings: a plan of configs and seeds, its runs, and what their differences are worth."""
