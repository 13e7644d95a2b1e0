"""Something is done once for each visit of a cat, also when this script or the broker was away for a while.

Needs: pip install "paho-mqtt>=2.1". Usage: on_event.py [BROKER [PORT]]
"""

import json
import sys

import paho.mqtt.client as mqtt

LABEL = "cat"
newest = {}  # by node: epoch and id of the last event


def on_connect(client, userdata, flags, reason, properties):
    client.subscribe("edgeclassify/+/+/event", qos=1)


def on_message(client, userdata, message):
    event = json.loads(message.payload)
    epoch, last_id = newest.get(event["node"], ("", ""))
    if event["epoch"] == epoch and event["id"] <= last_id:
        return  # a repeat: events come at least once, in order
    newest[event["node"]] = event["epoch"], event["id"]
    if event["late"]:
        return  # it waited for the network: no reason to switch on a light now
    if event["event_type"] == "appeared" and event["label"] == LABEL:
        print(f"{event['camera']}: {LABEL}, {event['reason']}", flush=True)


# With a session of its own name, the broker keeps events for a script that is away.
client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="on-event", clean_session=False)
client.on_connect, client.on_message = on_connect, on_message
client.connect(sys.argv[1] if len(sys.argv) > 1 else "localhost", int(sys.argv[2]) if len(sys.argv) > 2 else 1883)
client.loop_forever()
