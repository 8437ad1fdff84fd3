"""Signs, seals and verifies with dkimpy what a test hands over as JSON: octets are latin1 text."""
import base64, hashlib, json, re, sys
import dkim
from dkim.canonicalization import CanonicalizationPolicy
from dkim.crypto import parse_pem_private_key, RSASSA_PKCS1_v1_5_sign
import nacl.signing

job = json.load(sys.stdin)
pem = job["pem"].encode()
octets = lambda text: text.encode("latin-1")


def by_template(case):
    """The signature has the shape that the test wants; canonical forms and keys are dkimpy's business."""
    fields, body = dkim.rfc822_parse(octets(case["message"]))
    policy = CanonicalizationPolicy.from_c_value(octets(case["c"]))
    body = policy.canonicalize_body(body)[: case.get("l")]
    template = octets(case["template"]).replace(b"\0bh", base64.b64encode(hashlib.sha256(body).digest()))
    # RFC 6376 3.7: without the blanks around it.
    name, value = re.sub(rb"\s*\0b\s*", b"", template).split(b":", 1)
    signed = dkim.select_headers(fields, [octets(n).lower() for n in case["names"]])
    text = b"".join(n + b":" + v for n, v in policy.canonicalize_headers([tuple(f) for f in signed]))
    ((name, value),) = policy.canonicalize_headers([(name, value + b"\r\n")])
    text += name + b":" + value[:-2]
    if case["type"] == "rsa":
        made = RSASSA_PKCS1_v1_5_sign(hashlib.sha256(text), parse_pem_private_key(pem))
    else:
        made = nacl.signing.SigningKey(base64.b64decode(job["seed"])).sign(hashlib.sha256(text).digest()).signature
    made = base64.b64encode(made)
    wrap = case.get("wrap") or len(made)
    return template.replace(b"\0b", b"\r\n ".join(made[i : i + wrap] for i in range(0, len(made), wrap))) + b"\r\n"


def by_library(case):
    is_ed = case["type"] != "rsa"
    return dkim.sign(
        octets(case["message"]), octets(case["s"]), octets(case["d"]), octets(job["seed"]) if is_ed else pem,
        identity=octets(case["i"]) if "i" in case else None,
        canonicalize=tuple(octets(case["c"]).split(b"/")),
        signature_algorithm=b"ed25519-sha256" if is_ed else b"rsa-sha256",
        include_headers=[octets(n) for n in case["names"] if octets(n).lower() not in dkim.DKIM.SHOULD_NOT],
        length="l" in case)


def sign(case):
    return (by_template(case) if "template" in case else by_library(case)).decode("latin-1")


def seal(case):
    domain = octets(case["d"])
    fields = dkim.arc_sign(octets(case["message"]), b"rsa", domain, pem, domain, timestamp=case.get("t"))
    return b"".join(fields).decode("latin-1")


def lookup(name, timeout=5):
    record = job["records"].get(name.decode().rstrip(".").lower())
    return None if record is None else octets("".join(record))


def verify(case):
    try:
        return "pass" if dkim.verify(octets(case["message"]), dnsfunc=lookup) else "fail"
    except Exception as problem:
        return f"fail {type(problem).__name__} {problem}"


def verify_chain(case):
    try:
        state, _, reason = dkim.arc_verify(octets(case["message"]), dnsfunc=lookup)
        return f"{state.decode()} {reason}"
    except Exception as problem:
        return f"fail {type(problem).__name__} {problem}"


work = {"sign": sign, "seal": seal, "verify": verify, "verify chain": verify_chain}[job["what"]]
json.dump([work(case) for case in job["cases"]], sys.stdout)
