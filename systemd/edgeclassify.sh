#!/bin/sh
# edgeclassify for every user, with the models that the service has.
program=/opt/edgeclassify/current/bin/edgeclassify
if [ ! -x "$program" ]; then
  echo "edgeclassify: $program: is missing; install it again: sudo ./scripts/install in the project's folder" >&2
  exit 69
fi
export EDGECLASSIFY_MODELS="${EDGECLASSIFY_MODELS:-/opt/edgeclassify/models}"
exec "$program" "$@"
