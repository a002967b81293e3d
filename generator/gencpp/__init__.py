"""gencpp: from a trained model to a C++ project that is proven to compute the same."""

__version__ = "0.1.0"
