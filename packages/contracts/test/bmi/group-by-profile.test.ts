import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { groupByProfile } from "../../src/bmi/group-by-profile.ts";

describe("recipients", () => {
  const profile = (name: string, ...optin: string[]) => ({ name, optin });
  const of = (address: string, ...optin: string[]) => ({ address, optin });

  test("have the first profile that they have opted in to", () => {
    const profiles = [profile("a", "x", "y"), profile("b", "z")];
    const recipients = [of("1", "z", "y"), of("2"), of("3", "z"), of("4", "x"), of("5", "w")];
    const { groups, unknown } = groupByProfile({ profiles }, recipients);
    assert.deepEqual(
      groups.map(({ profile: { name }, recipients: those }) => [name, those]),
      [
        ["a", ["1", "4"]],
        ["default", ["2", "5"]],
        ["b", ["3"]],
      ],
    );
    assert.deepEqual(unknown, ["w"]);
  });

  test("have a profile without strings if none before it is for them", () => {
    const profiles = [profile("a", "x"), profile("rest"), profile("never", "y")];
    const { groups } = groupByProfile({ profiles }, [of("1"), of("2", "y"), of("3", "x")]);
    assert.deepEqual(
      groups.map(({ profile: { name } }) => name),
      ["rest", "a"],
    );
  });
});
