# A generic model has none.
