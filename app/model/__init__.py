"""From bytes to scores: the reader of an artefact, the engine that computes, and the contract both are held to."""
