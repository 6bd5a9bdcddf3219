"""Jobs of a service that answers later: sent, kept in a folder, collected without loss."""
