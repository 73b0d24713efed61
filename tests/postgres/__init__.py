"""A PostgreSQL server for the tests: Debian's programs, with a temporary data folder."""
