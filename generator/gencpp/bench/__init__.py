"""Measures generated projects beside Python peers that run the same model."""
