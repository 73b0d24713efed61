"""The JSON bodies of the REST API: the specification's, and others in the same style."""
