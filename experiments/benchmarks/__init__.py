"""The speed and cost claims; each script prints ratios measured in one run."""
