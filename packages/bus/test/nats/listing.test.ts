import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { firstAfter, type ListedEntry, Listing } from "../../src/nats/listing.ts";
import type { Entry, WaitingPlace } from "../../src/nats/waiting-place.ts";

/** Items that a server needs some time to list. */
class Place {
  lists = 0;
  readonly tails: string[];
  readonly #tookMs: number;

  constructor(tails: readonly string[], tookMs: number) {
    this.tails = [...tails];
    this.#tookMs = tookMs;
  }

  readonly state = "deferred";
  readonly stream = "S";

  async list(): Promise<Entry[]> {
    this.lists++;
    await new Promise((resolve) => setTimeout(resolve, this.#tookMs));
    return this.tails.map((tail) => ({ place: this as unknown as WaitingPlace, tail, subject: "" }));
  }
}

const idsOf = (entries: readonly ListedEntry[]): readonly string[] => entries.map(({ id }) => id);
const of = (listing: Listing, place: Place, isNextPage: boolean) =>
  listing.of([place as unknown as WaitingPlace], undefined, isNextPage);

describe("a long list that is read page by page", () => {
  test("is made for the first page, and used for those behind it", async () => {
    const place = new Place(["m.b", "m.a"], 400);
    const listing = new Listing();
    assert.deepEqual(idsOf(await of(listing, place, false)), ["a", "b"]);
    for (let i = 0; i < 100; i++) assert.deepEqual(idsOf(await of(listing, place, true)), ["a", "b"]);
    assert.equal(place.lists, 1);
  });

  test("is made anew for whoever begins, and for another state", async () => {
    const place = new Place(["m.a"], 200);
    const listing = new Listing();
    await of(listing, place, false);
    place.tails.push("m.b");
    assert.deepEqual(idsOf(await of(listing, place, false)), ["a", "b"]);
    await listing.of([place as unknown as WaitingPlace], "frozen", true);
    assert.equal(place.lists, 3);
  });

  test("is not used for longer than ten times what it has cost", async () => {
    const place = new Place(["m.a"], 1);
    const listing = new Listing();
    await of(listing, place, false);
    await new Promise((resolve) => setTimeout(resolve, 500));
    await of(listing, place, true);
    assert.equal(place.lists, 2);
  });
});

test("a page begins behind the last id of the one before, whether or not that is still there", () => {
  const entries = ["a", "c", "c", "e"].map((id) => ({ id })) as unknown as readonly ListedEntry[];
  const rows = [undefined, "", "a", "b", "c", "d", "e", "f"].map((id) => firstAfter(entries, id));
  assert.deepEqual(rows, [0, 0, 1, 1, 3, 3, 4, 4]);
});
