"""The commands that the workflow runs. Each parses its options, calls one function and writes the results."""
