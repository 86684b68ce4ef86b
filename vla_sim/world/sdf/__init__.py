"""SDF worlds and models: `reader` loads a file into the dataclasses of `elements`."""

__all__ = ["elements", "inertia", "meshes", "reader", "resources", "values"]
