"""One module per published figure; `python -m experiments list` shows them."""
