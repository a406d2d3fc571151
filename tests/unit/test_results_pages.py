"""The measured numbers in README.md and on the page of the published results are those of the published files."""

import re
import runpy

import pytest

from tests.conftest import ROOT
from tests.unit.conftest import PUBLISHED

TOOL = runpy.run_path(str(ROOT / "tools/results_pages.py"))
PAGES = TOOL["pages"](PUBLISHED)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_pages_have_the_published_numbers(page):
    text = page.read_text()
    assert TOOL["filled"](text, PUBLISHED) == text, "run `make docs`"


def test_every_block_is_on_a_page():
    found = re.findall(r"^<!-- results: (.+) -->$", "".join(page.read_text() for page in PAGES), re.MULTILINE)
    assert set(found) == set(TOOL["BLOCKS"])


def test_a_changed_number_is_noticed():
    page = "<!-- results: headline -->\nsomething else\n<!-- end of headline -->\nand the rest\n"
    written = TOOL["filled"](page, PUBLISHED)
    assert "% test accuracy on MNIST" in written
    assert "something else" not in written
    assert written.endswith("<!-- end of headline -->\nand the rest\n")


def test_the_best_rival_trains_a_network_on_as_few_images():
    rows = TOOL["table_rows"](PUBLISHED, "table1")
    rivals = [row for row in rows if row.task == "MNIST" and not row.method.startswith("Ours")]
    best = TOOL["best_rival"](rows, "MNIST")
    assert best in rivals
    assert max(row.mean for row in rivals) > best.mean, "K-NN is higher, and trains no network"


def test_the_readme_is_short():
    lines = (ROOT / "README.md").read_text().splitlines()
    assert len(lines) <= 130
    (table,) = re.findall(r"results: main results -->\n((?:\|.*\n)+)", "\n".join(lines))
    assert len(table.splitlines()) - 2 <= 8
