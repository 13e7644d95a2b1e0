"""`edgeclassify setup`: finds cameras and brokers, asks what it must, tries each, and writes config.yaml."""
