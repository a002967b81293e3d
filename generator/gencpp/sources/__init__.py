"""From a source, as the user names it, to a loaded model."""
