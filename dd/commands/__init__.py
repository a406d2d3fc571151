"""The commands the workflow is made of: parse, call one function, write the results."""
