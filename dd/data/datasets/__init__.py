"""Datasets known by name, one file each."""
