"""The tables, one file for each. A table of the paper declares itself as `TABLE`, a kind of table as `KIND`."""

from dd.report.tables.kind import TableKind
from dd.report.tables.table import Table
from dd.runtime.discovery import declared
from dd.runtime.lazy import import_when_used

import_when_used(__name__)

TABLES = declared(__name__, Table, "TABLE")
"""The paper's tables by name, in its order."""
TABLE_KINDS = declared(__name__, TableKind, "KIND")
"""The kinds of tables by name. All tables of the paper are of one kind."""
