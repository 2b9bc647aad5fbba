"""The engine that every interface calls: indexing, search, answers, wiring."""
