"""What can be differentiated, maximised, or held: one number of a model, a file for each kind."""
