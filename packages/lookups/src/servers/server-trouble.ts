/** A server could not be asked: the next one of the list is. The message is Exim's text. */
export class ServerTrouble extends Error {
  override readonly name = "ServerTrouble";
}
