"""A PostgreSQL of the tests' own: Debian's programs, on a folder that is thrown away."""
