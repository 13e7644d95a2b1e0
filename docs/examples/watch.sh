#!/bin/sh
# What appears, a line each, as it happens. Needs: apt install mosquitto-clients jq
# usage: watch.sh [BROKER [PORT]]
exec mosquitto_sub -h "${1:-localhost}" -p "${2:-1883}" -q 1 -t 'edgeclassify/+/+/event' |
  jq -r --unbuffered 'select(.event_type == "appeared" and (.late | not))
    | "\(.time)  \(.node)/\(.camera)  \(.label)  \(.score)  \(.reason)"'
