import assert from "node:assert/strict";
import { test } from "node:test";
import { BusyError } from "../src/busy-error.ts";
import { type About, FairPlaces } from "../src/fair-places.ts";

const { signal } = new AbortController();

/** Places, and work that lasts until it is told to end. */
function lab(size: number, line: number, waitMs?: number) {
  const places = new FairPlaces(size, line, waitMs);
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const ask = (name: string, about: About, of: AbortSignal = signal): Promise<string> =>
    places.run(about, of, async () => {
      begun.push(name);
      await new Promise<void>((resolve) => ends.set(name, resolve));
      return name;
    });
  const end = async (name: string): Promise<void> => {
    ends.get(name)?.();
    await new Promise(setImmediate);
  };
  return { places, begun, ask, end };
}

test("one client has a quarter of the places, however many domains it names, and the others wait for none", async () => {
  const { places, begun, ask, end } = lab(8, 100);
  for (let i = 0; i < 10; i++) void ask(`bad ${i}`, { clientAddress: "192.0.2.1", domain: `d${i}.example` });
  assert.deepEqual(begun, ["bad 0", "bad 1"]);
  void ask("good", { clientAddress: "192.0.2.2", domain: "good.example.org" });
  assert.deepEqual(begun, ["bad 0", "bad 1", "good"]);
  await end("bad 1");
  assert.deepEqual(begun, ["bad 0", "bad 1", "good", "bad 2"]);
  assert.equal(places.taken, 3);
});

test("one that ends makes room for as many as there is room for", async () => {
  const { begun, ask, end } = lab(8, 100);
  for (const name of ["first", "second"]) void ask(name, { clientAddress: "192.0.2.1", domain: "bad.example" });
  void ask("client", { clientAddress: "192.0.2.1", domain: "other.example" });
  void ask("domain", { clientAddress: "192.0.2.2", domain: "bad.example" });
  assert.deepEqual(begun, ["first", "second"]);
  await end("first");
  assert.deepEqual(begun, ["first", "second", "client", "domain"]);
});

test("below co.uk and its like each has a domain of its own", () => {
  const { begun, ask } = lab(8, 100);
  for (let i = 0; i < 4; i++) void ask(`${i}`, { clientAddress: `192.0.2.${i}`, domain: `mail.h${i}.co.uk` });
  for (let i = 4; i < 8; i++) void ask(`${i}`, { clientAddress: `192.0.2.${i}`, domain: `h${i}.co.uk` });
  assert.equal(begun.length, 8);
});

test("one domain has a quarter of the places, with all names below it, wherever its clients are", () => {
  const { begun, ask } = lab(8, 100);
  for (let i = 0; i < 10; i++) void ask(`bad ${i}`, { clientAddress: `192.0.2.${i}`, domain: `h${i}.bad.example` });
  assert.deepEqual(begun, ["bad 0", "bad 1"]);
});

test("a network of IPv6 is one client, however its addresses are written", () => {
  const { begun, ask } = lab(8, 100);
  const addresses = ["2001:db8::1", "2001:db8:0:0:1::1", "2001:DB8:0:0::2", "2001:0db8::ffff:1:2:3", "2001:db8:0:1::1"];
  for (const address of addresses) void ask(address, { clientAddress: address });
  assert.deepEqual(begun, ["2001:db8::1", "2001:db8:0:0:1::1", "2001:db8:0:1::1"]);
});

test("when all places are taken, whoever has waited longest is next, if it does not have its quarter already", async () => {
  const { begun, ask, end } = lab(4, 100);
  for (const at of [1, 2, 3, 4]) void ask(`a${at}`, { clientAddress: `192.0.2.${at}` });
  void ask("b1", { clientAddress: "192.0.2.1" });
  void ask("b5", { clientAddress: "192.0.2.5" });
  void ask("b6", { clientAddress: "192.0.2.6" });
  await end("a2");
  assert.deepEqual(begun.slice(4), ["b5"]);
  await end("a1");
  assert.deepEqual(begun.slice(4), ["b5", "b1"]);
});

test("who has a quarter of the line is told at once that there is no place", async () => {
  const { ask } = lab(4, 8);
  const about = { clientAddress: "192.0.2.1" };
  for (let i = 0; i < 3; i++) void ask(`q${i}`, about);
  await assert.rejects(ask("too many", about), BusyError);
});

test("who has waited long enough is told that there is no place, and has none in the line", async () => {
  const { places, begun, ask, end } = lab(1, 4, 5);
  const about = { clientAddress: "192.0.2.1" };
  void ask("first", about);
  await assert.rejects(ask("second", about), BusyError);
  await end("first");
  assert.deepEqual(begun, ["first"]);
  assert.equal(places.taken, 0);
});

test("who leaves the line has no place there, and takes none", async () => {
  const { places, begun, ask, end } = lab(1, 4);
  const about = { clientAddress: "192.0.2.1" };
  void ask("first", about);
  const leaver = new AbortController();
  const left = ask("left", about, leaver.signal);
  leaver.abort();
  await assert.rejects(left, /nobody waits/);
  await assert.rejects(ask("late", about, leaver.signal), /nobody waits/);
  const next = ask("next", about);
  await end("first");
  assert.deepEqual(begun, ["first", "next"]);
  await end("next");
  assert.equal(await next, "next");
  assert.equal(places.taken, 0);
});

test("work that fails gives its place back", async () => {
  const places = new FairPlaces(1, 4);
  const about = { clientAddress: "192.0.2.1", domain: "example.org" };
  for (let i = 0; i < 3; i++) {
    await assert.rejects(
      places.run(about, signal, () => Promise.reject(new Error("broken"))),
      /broken/,
    );
  }
  assert.equal(places.taken, 0);
});
