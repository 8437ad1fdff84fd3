"""Judges with pyspf what a test hands over as JSON: questions, each with the DNS to ask."""
import json, sys
import spf

zone = {}


def lookup(name, type, tcpfallback=True, timeout=30):
    entry = zone.get(name.lower(), {})
    if entry == "SERVFAIL":
        raise spf.TempError("DNS timeout")
    if "CNAME" in entry and type != "CNAME":
        return [((name, "CNAME"), entry["CNAME"])] + lookup(entry["CNAME"], type)
    found = []
    for record in entry.get(type, []):
        if type == "MX":
            preference, exchange = record.split(" ")
            record = (int(preference), exchange)
        found.append(((name, type), [s.encode("latin-1") for s in record] if type == "TXT" else record))
    return found


spf.DNSLookup = lookup


def judge(question):
    global zone
    zone = question["zone"]
    asked = spf.query(question["client"], question["sender"], question["helo"], strict=True)
    try:
        result, _, explanation = asked.check()
        return f"{result} {explanation}"
    except Exception as problem:
        return f"died {type(problem).__name__} {problem}"


json.dump([judge(question) for question in json.load(sys.stdin)], sys.stdout)
