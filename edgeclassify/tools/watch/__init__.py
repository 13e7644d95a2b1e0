"""`edgeclassify watch`: what nodes tell over MQTT, as lines or live on a terminal."""
