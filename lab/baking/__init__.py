"""Makes the shipped files that are computed once from open data, such as the Modiste body."""
