"""A believable Russian company account, the same for the same seed and sizes."""
