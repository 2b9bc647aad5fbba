"""Late interaction at rest: many vectors a page, and MaxSim over them, exact and fast."""
