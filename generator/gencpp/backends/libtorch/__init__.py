"""LibTorch: its options, its exporters and its facts."""
