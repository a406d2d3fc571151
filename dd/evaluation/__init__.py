"""Distilled sets judged on held-out networks."""
