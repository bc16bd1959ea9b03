"""The version of this package. It follows Cargo.toml, and a test compares the two."""

__version__ = "0.1.0"
