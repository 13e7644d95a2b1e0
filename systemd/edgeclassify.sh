#!/bin/sh
# edgeclassify for every user, with the models that the service has.
export EDGECLASSIFY_MODELS="${EDGECLASSIFY_MODELS:-/opt/edgeclassify/models}"
exec /opt/edgeclassify/current/bin/edgeclassify "$@"
