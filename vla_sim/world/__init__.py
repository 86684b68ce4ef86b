"""The world as the stack may know it: SDF files, named places, surfaces and objects, the map as a grid."""

__all__ = [
    "colour_names", "derived_world", "map_file", "objects", "occupancy_grid", "sdf", "semantic_map", "solids",
    "world_file",
]  # fmt: skip
