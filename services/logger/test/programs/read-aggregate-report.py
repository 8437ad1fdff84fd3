"""Reads a message with an aggregate report as whoever gets it would: with Python's own parsers. Prints what is in it."""

import email
import email.policy
import gzip
import json
import sys
import xml.etree.ElementTree as tree

NAMESPACE = "{urn:ietf:params:xml:ns:dmarc-2.0}"


def content(element):
    """An element without children is its text; others are lists of pairs."""
    name = element.tag.removeprefix(NAMESPACE)
    if len(element) == 0:
        return [name, element.text or ""]
    return [name, [content(child) for child in element]]


message = email.message_from_binary_file(sys.stdin.buffer, policy=email.policy.default)
parts = list(message.iter_parts())
attachment = parts[1]
xml = gzip.decompress(attachment.get_content())
print(
    json.dumps(
        {
            "subject": str(message["Subject"]),
            "from": str(message["From"]),
            "to": str(message["To"]),
            "types": [part.get_content_type() for part in parts],
            "filename": attachment.get_filename(),
            "defects": [str(defect) for part in message.walk() for defect in part.defects],
            "report": content(tree.fromstring(xml)),
        }
    )
)
