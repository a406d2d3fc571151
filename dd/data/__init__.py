"""Real images: where they come from, how they are kept, and how they reach training."""
