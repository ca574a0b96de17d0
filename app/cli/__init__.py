"""The command `pixelwise`: one file for each command, and what commands share."""
