"""Groups of the `pixelwise` command, one module each."""
