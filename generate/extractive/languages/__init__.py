"""What questions look like in twelve languages: data for `generate.extractive.question_analysis`."""
