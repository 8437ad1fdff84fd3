/** What is wrong with one value or line; the caller knows where it stands and makes a problem of it. */
export class ValueError extends Error {
  override readonly name = "ValueError";
}
