"""The tables: one file each. Those of the paper declare themselves as `TABLE`; a kind of table, as `KIND`."""

from dd.report.tables.kind import TableKind
from dd.report.tables.table import Table
from dd.runtime.discovery import declared

TABLES = declared(__name__, Table, "TABLE")
"""The paper's tables by name, in its order."""
TABLE_KINDS = declared(__name__, TableKind, "KIND")
"""The kinds of tables by name: those of the paper are one."""
