"""Properties of a call, a comparison, a loop or a route, found where they stand."""
