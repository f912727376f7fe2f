"""What the `sitecustomize` beside it is made of: see there."""
