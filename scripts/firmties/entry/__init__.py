"""A further wave's way into a study: compare it, check it, propose what to write, and show it all on a page."""
