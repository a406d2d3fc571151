"""Declarations, one file each."""

import re
import sys
from dataclasses import dataclass

import pytest

from dd.runtime.discovery import declared
from dd.runtime.errors import UserError


@dataclass(frozen=True)
class Fruit:
    name: str
    order: int = 100


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of these files, which is forgotten after the test."""

    def make(**files):
        (tmp_path / "fruits").mkdir()
        for name, text in ({"__init__": ""} | files).items():
            (tmp_path / "fruits" / f"{name}.py").write_text(text)
        return "fruits"

    monkeypatch.syspath_prepend(tmp_path)
    yield make
    for name in [name for name in sys.modules if name.partition(".")[0] == "fruits"]:
        del sys.modules[name]


def fruit(name, **more):
    return f"from tests.unit.test_discovery import Fruit\nFRUIT = Fruit({name!r}, **{more})\n"


def test_declarations_are_found_in_their_order(package):
    files = {"a": fruit("plum"), "b": fruit("apple"), "c": fruit("pear", order=1)}
    found = declared(package(**files), Fruit, "FRUIT")
    assert list(found) == ["pear", "apple", "plum"]
    assert found["plum"] == Fruit("plum")


def test_other_modules_are_not_imported(package):
    others = '"""FRUIT is not declared here."""\nraise ImportError("imported")\n'
    assert list(declared(package(apple=fruit("apple"), others=others), Fruit, "FRUIT")) == ["apple"]


def test_a_clash_of_names_is_one_line_that_names_both_files(package):
    with pytest.raises(UserError, match=r"two\.py: the name 'apple' is taken by .*one\.py; choose another") as refusal:
        declared(package(one=fruit("apple"), two=fruit("apple")), Fruit, "FRUIT")
    assert "\n" not in str(refusal.value)


def test_something_else_is_refused(package):
    with pytest.raises(UserError, match=re.escape("one.py: FRUIT is a str; it must be a Fruit")):
        declared(package(one="FRUIT = 'apple'"), Fruit, "FRUIT")
