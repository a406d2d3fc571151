"""The kinds of figures and tables, one file each: section of config.yaml, experiments, inputs, options, files."""

from dd.config.kinds.bars import Bars
from dd.report.artefact import Artefact
from dd.config.kinds.curves import Curves
from dd.config.kinds.linear_case import LinearCase
from dd.config.kinds.pictures import Picture
from dd.config.kinds.tables import Table
from dd.config.kinds.transfer import Transfer

KINDS: tuple[type[Artefact], ...] = (LinearCase, Transfer, Picture, Curves, Bars, Table)
"""Every kind."""
