"""What a loaded model is: its facts, its costs, and its goldens."""
