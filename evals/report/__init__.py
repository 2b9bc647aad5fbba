"""Reports of runs: HTML for people, Markdown for logs, JSON for programs."""
