"""The page of bulk jobs: its address, the preview, the progress."""
