"""Parts of the list page: rows, filters, clicks, and the metrics of the recorder."""
