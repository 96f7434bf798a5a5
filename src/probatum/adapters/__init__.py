"""The only code that touches the outside: hubs, stores, registries."""
