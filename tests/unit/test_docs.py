"""What pages and help say is there: files, headings, commands, options, columns."""

import re
import runpy
import tomllib
from pathlib import Path

import click
import pandas as pd
import pytest
import yaml

import dd
from dd.adaptation import ADAPTATIONS
from dd.baselines import BASELINES
from dd.commands.main import main
from dd.evaluation.protocols import PROTOCOLS
from dd.report.measurements import KIND_COLUMNS
from tests.conftest import ROOT

WRITTEN = ("*.md", "results/*.md", *(f"{folder}/**/*.md" for folder in ("benchmarks", "docs", "profiles", "tests")))
PAGES = sorted(path for pattern in (*WRITTEN, "results/published/**/*.md") for path in ROOT.glob(pattern))
PUBLISHED = ROOT / "results/published"


def commands(group=main, words=()):
    """Every command and group by its words."""
    yield words, group
    context = click.Context(group)
    for name in group.list_commands(context) if isinstance(group, click.Group) else ():
        yield from commands(group.get_command(context, name), (*words, name))


COMMANDS = dict(commands())


def examples(text):
    """The words after every `python -m dd`; a line that ends in a backslash goes on, as does one before an option."""
    joined = re.sub(r"(\\\n|\n(?= *--))\s*", " ", text)
    return [line.split() for line in re.findall(r"python -m dd ([^`\n#;|)]+)", joined) if line[0].isalpha()]


def check(text):
    """Refuse examples of commands or options that do not exist."""
    for words in examples(text):
        known = max((name for name in COMMANDS if name == tuple(words[: len(name)])), key=len)
        if COMMANDS[known].context_settings.get("ignore_unknown_options"):
            continue  # another command follows, with options of its own
        of_group = isinstance(COMMANDS[known], click.Group)
        assert not of_group or len(words) == len(known), f"no command {' '.join(words)}"
        flags = {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)} - {"--help"}
        unknown = flags - {flag for parameter in COMMANDS[known].params for flag in parameter.opts}
        assert not unknown, f"{' '.join(known)} has no {', '.join(unknown)}"


def anchors(page):
    """Of a page's headings as GitHub makes them: lower case, hyphens for spaces, without other signs."""
    headings = re.findall(r"^#+ +(.+?) *$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\(\s*([^)\s]+)", page.read_text()):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), f"{link}: no such file"
        assert not anchor or anchor in anchors(target), f"{link}: no such heading"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_of_pages_exist(page):
    check(page.read_text())


@pytest.mark.parametrize("page", [*PAGES, *ROOT.glob(".github/*.md")], ids=lambda page: str(page.relative_to(ROOT)))
def test_make_targets_of_pages_exist(page):
    fenced = r"^```(\w*)\n(.*?)^```$"
    blocks = [block for language, block in re.findall(fenced, page.read_text(), re.M | re.S) if language == "sh"]
    words = re.findall(r"`(make [^`]+)`", re.sub(fenced, "", page.read_text(), flags=re.M | re.S))
    check_targets("\n".join([*blocks, *(word.replace("\n", " ") for word in words)]))


@pytest.mark.parametrize("path", [ROOT / ".ci/run", *ROOT.glob(".github/workflows/*")], ids=lambda path: path.name)
def test_continuous_integration_calls_targets_that_exist(path):
    text = path.read_text()
    assert check_targets(re.sub(r" *- run: (?:sudo \S+ )?", "", text).replace("${{ matrix.target }}", "test-faults"))
    for targets in re.findall(r"matrix: \{target: \[(.+)\]", text):
        check_targets("\n".join(f"make {target}" for target in targets.split(", ")))


def check_targets(text):
    """Refuse lines that make a target that is not there; the targets that are made."""
    used = set(re.findall(r"^ *make ([\w-]+)", text, re.MULTILINE))
    unknown = used - set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert not unknown, f"no target {', '.join(unknown)}"
    return used


def test_continuous_integration_runs_what_the_readme_tells():
    told, run = ((ROOT / name).read_text() for name in ("README.md", ".ci/run"))
    for target in ("demo", "test", "site"):
        assert re.search(rf"(^|`)make {target}\b", told, re.MULTILINE)
        assert re.search(rf"^make {target}$", run, re.MULTILINE)


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: " ".join(words) or "main")
def test_help_teaches_by_an_example(words):
    text = COMMANDS[words].help
    check(text)
    assert "\\b" not in text, "a raw string"
    assert any(tuple(example[: len(words)]) == words for example in examples(text)), f"no example in:\n{text}"


TABLES = sorted(path for folder in ("laptop", "beyond") for path in (PUBLISHED / folder).rglob("*.csv"))


@pytest.mark.parametrize("path", TABLES, ids=lambda path: str(path.relative_to(PUBLISHED)))
def test_formats_name_every_column(path):
    text = (ROOT / "docs/formats.md").read_text()
    sections = {}
    for heading, section in re.findall(r"^### (.+)\n([^#]+)", text, re.MULTILINE):
        sections |= dict.fromkeys(re.findall(r"`(.+?)`", re.sub(r"<\w+>", "*", heading)), section)
    name = Path(*path.relative_to(PUBLISHED).parts[1:])
    place = max((place for place in sections if name.match(place)), key=len)  # the one with the fewest *
    told = re.findall(r"`(\w+)`", text.partition("## Tables of measurements")[2].partition("###")[0] + sections[place])
    missing = set(pd.read_csv(path, nrows=0)) - set(told)
    assert not missing, f"{place}: formats.md says nothing of {', '.join(missing)}"


def test_formats_name_every_kind_baseline_method_and_protocol():
    text = (ROOT / "docs/formats.md").read_text()
    declared = {*KIND_COLUMNS, "transfer", *BASELINES, *ADAPTATIONS, *PROTOCOLS}
    missing = [name for name in sorted(declared) if f"`{name}`" not in text]
    assert not missing, f"formats.md says nothing of {', '.join(missing)}"


def test_citation_is_of_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert (citation["version"], citation["license"]) == (dd.__version__, project["license"])
    assert [author["family-names"] for author in citation["preferred-citation"]["authors"]] == [
        *("Wang", "Zhu", "Torralba", "Efros")
    ]


def test_configuration_is_what_its_generator_writes():
    written = runpy.run_path(str(ROOT / "tools/configuration_page.py"))["page"]()
    assert (ROOT / "docs/configuration.md").read_text() == written, "run `make docs`"
    assert not re.findall(r"^.*\|  \|$", written, re.MULTILINE), "keys without a meaning"
