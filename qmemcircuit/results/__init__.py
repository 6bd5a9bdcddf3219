"""`Record` and `Trajectory`, the nouns that pass between stages, and how one becomes the other."""
