"""Figures and tables from saved results."""
