# What Python's email package makes of reports. On standard input, again and again: a line with a list of lengths, then that many
# octets for each report; on standard output, a line of JSON for each such line.
import email, email.policy, json, sys
def walk(m):
    yield m
    if m.is_multipart():
        for p in m.get_payload(): yield from walk(p)
def text(p):
    if p.get_content_type() in ("message/rfc822", "message/global"): return p.get_payload(0).as_bytes().decode("latin1")
    if p.is_multipart(): return ""
    return p.get_payload(decode=True).decode("latin1")
def groups(p):
    if p.get_content_type() == "message/delivery-status": return p.get_payload()
    if p.get_content_type() != "message/global-delivery-status": return []
    octets = p.get_payload(0).as_bytes().replace(b"\r\n", b"\n")
    return [email.message_from_bytes(g) for g in octets.split(b"\n\n") if g.strip()]
def grouped(group):
    fields = {}
    for k, v in group.items(): fields.setdefault(k, []).append(str(v).replace("\r\n", ""))
    return dict((k, " | ".join(v)) for k, v in fields.items())
def parse(octets):
    m = email.message_from_bytes(octets)
    fields = {}
    for k, v in m.items(): fields.setdefault(k, []).append(str(v).replace("\r\n", ""))
    parts = m.get_payload() if m.is_multipart() else []
    status = [grouped(g) for p in parts for g in groups(p)]
    return {"type": m.get_content_type(), "reportType": m.get_param("report-type"), "fields": fields, "status": status,
      "defects": [str(d) for p in walk(m) for d in p.defects],
      "parts": [{"type": p.get_content_type(), "text": text(p)} for p in parts]}
for line in iter(sys.stdin.buffer.readline, b""):
    print(json.dumps([parse(sys.stdin.buffer.read(n)) for n in json.loads(line)]), flush=True)
