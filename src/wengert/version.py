"""The version, where every package may read it: `import wengert` reaches them all."""

__version__ = "0.1.0"
