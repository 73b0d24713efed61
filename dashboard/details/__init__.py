"""The page of one instance: header, history, payloads, audit log and earlier generations."""
