"""The ground that every wing stands on; no physics of ours."""
