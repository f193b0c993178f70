"""What past loads did: the contract of a state store, and the stores."""
