"""A question and pages in, a cited answer out."""
