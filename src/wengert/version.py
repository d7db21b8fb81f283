"""The version, from which the packaging takes it too: `import wengert` reaches every package."""

__version__ = "0.1.0"
