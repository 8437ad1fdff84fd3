import type { Control } from "./control.ts";

const DEFAULT_TEXT =
  "Your message has been rejected but is being kept for evaluation.\n" +
  "If it was a legitimate message, it may still be delivered to the target recipient(s).";

/** The client is refused; the message is delivered all the same. */
export const fakereject: Control = ({ session }, text = DEFAULT_TEXT) => {
  session.message.controls.fake = { code: 550, text };
};

export const fakedefer: Control = ({ session }, text = DEFAULT_TEXT) => {
  session.message.controls.fake = { code: 450, text };
};
