"""Many digits in files to many answers in files, once each: planned, scored in shards, and summed up."""
