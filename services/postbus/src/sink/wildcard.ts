/** `*@example.org` as a regular expression: `*` stands for any letters, the case of letters does not matter. */
export function wildcard(pattern: string): RegExp {
  return new RegExp(`^${pattern.split("*").map(RegExp.escape).join(".*")}$`, "i");
}
