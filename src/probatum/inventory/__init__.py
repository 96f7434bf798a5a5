"""Reads what files name as their components: lock files, manifests, environments, packages."""
