"""Answers from the cells of tables and from charts whose labels are text."""
