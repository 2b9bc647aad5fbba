"""Measures: values with a name that parses back, of rankings, of answers, of refusals."""
