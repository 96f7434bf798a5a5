"""Tools that derive rule data; none of them is part of the installed package."""
