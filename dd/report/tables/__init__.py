"""The tables: one file each. Tables 1 to 3 of the paper declare themselves; `transfer` is our own."""

from dd.report.tables.declaration import Table
from dd.runtime.discovery import declared

TABLES = declared(__name__, Table, "TABLE")
"""The paper's tables by name, in its order."""
