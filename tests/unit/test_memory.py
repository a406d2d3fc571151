"""Which errors mean that memory has run out."""

import pytest

from dd.runtime.memory import ran_out


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError(), True),
        (SystemError("error return without exception set"), True),
        (SystemError("bad argument to internal function"), False),
        (RuntimeError("can't allocate memory: you tried to allocate 8 bytes"), True),
        (ValueError("memory"), False),
    ],
)
def test_what_memory_that_ran_out_looks_like(error, expected):
    assert ran_out(error) == expected
