"""`edgeclassify learn`: new classes from a few pictures of each."""
