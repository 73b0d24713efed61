"""Tests of what an operator can do, one file for each action."""
