"""Other people's libraries at the work of our kernels."""
