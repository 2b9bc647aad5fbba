"""Chat models behind one Protocol, and what calls to them cost."""
