"""Group coordinators, one module per protocol."""
