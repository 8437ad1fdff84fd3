import assert from "node:assert/strict";
import { test } from "node:test";
import { crypt } from "../../src/expansion/crypt/index.ts";

/** From glibc's crypt(3), by Perl. */
const cases = [
  ["secret", "abNANd1rDfiNc"],
  ["a", "./xT2u5QYaHcU"],
  ["", "zz6dpSdr.LHZw"],
  ["longpassword123", "AzNkuD5QKhq1c"],
  ["secret", "$1$abcdefgh$cHJi5PXp/ki/ktXzqlk6I1"],
  ["x".repeat(70), "$1$saltstri$wTue4NSfcUrD69W9aekZD0"],
  ["", "$1$a$8CfZSfErbeskipdhZHtvu."],
  ["secret", "$5$abcdefgh$gruCpC7VkOTspMQTTSAR8mtlO9Upms.fwqE5y16JVM."],
  ["secret", "$5$rounds=1000$salt$CCvcOM6b7TEJDPb37Aec/9UpOg4QhPNAxPpL9ZzjTB7"],
  ["secret", "$6$abcdefgh$ltjgWl6579NluT/Vi1nwEvcil.G5Nbc4NiXZaNGStk8PSwGfQv72N2CKPPrVACtLtip/cZ/1GM/O6IND4WQhG."],
  [
    "x".repeat(70),
    "$6$saltstringsaltst$Q19Pk7QgqyH2wCETucELuaWMNtplciIgtVbE6ttvDgffR03hko23OxmKgMTh1FX62uxA5hX1a9pzzKdYOiuyy0",
  ],
] as const;

for (const [plain, encrypted] of cases) {
  test(`crypt: ${encrypted.slice(0, 20)}…`, () => assert.equal(crypt(plain, encrypted), encrypted));
}

test("a setting that is none gives nothing; a method that is not there fails", () => {
  assert.equal(crypt("a", ""), undefined);
  assert.throws(() => crypt("a", "$y$j9T$abc"), { name: "ExpansionFailure" });
  assert.throws(() => crypt("a", "$5$rounds=999999999$a"), { name: "ExpansionFailure" });
});
