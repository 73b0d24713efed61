"""Parts of the page that starts any workflow: its fields, what fills them, what they say."""
