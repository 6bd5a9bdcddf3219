"""Speed and cost claims: each script prints ratios from one run."""
