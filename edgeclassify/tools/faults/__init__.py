"""`edgeclassify demo --faults`: everything is broken on purpose, and every single event is looked for."""
