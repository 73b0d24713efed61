"""Parts of the page of bulk jobs: what the address asks for, the preview, the progress."""
