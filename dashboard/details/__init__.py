"""Parts of the instance page: history, payloads, audit log and earlier generations."""
