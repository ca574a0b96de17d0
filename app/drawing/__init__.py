"""From a picture or the points of a pen to the 28x28 that a model takes, and findings about those."""
