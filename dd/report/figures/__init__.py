"""The kinds of figures: one file each."""
