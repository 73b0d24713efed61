"""One HTTP client for all tests: `httpx.get` takes 35 ms of CPU time to create one each time."""

import httpx

http_client = httpx.Client(limits=httpx.Limits(max_connections=None, max_keepalive_connections=0))
"""Opens a connection for each request, because tests restart the servers."""
