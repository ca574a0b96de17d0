"""From bytes to numbers: the artefact reader, the contract, the engine, drawings, skew."""
