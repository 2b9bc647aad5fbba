"""Pages and queries to vectors; where a model's weights are looked for."""
