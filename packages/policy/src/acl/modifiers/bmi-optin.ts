import { trim } from "@postbus/mail";
import { textOf } from "../../expansion/value.ts";
import { expandedTest } from "../test.ts";

/** What goes along with a message for one recipient. */
const MAX_STRINGS = 100;
const MAX_OCTETS = 256;

/** `bmi_optin = list`: what the recipient has asked for, separated by colons or commas. What is no longer than a letter is nothing. */
export const bmiOptin = expandedTest((list, { session }) => {
  const text = textOf(list);
  const { recipient } = session;
  const strings = text.length <= 1 ? [] : text.split(/[:,]/).map(trim);
  const asked = strings.filter((string) => string !== "" && string.length <= MAX_OCTETS).slice(0, MAX_STRINGS);
  if (recipient === undefined || asked.length === 0) return "yes";
  const { controls } = session.message;
  controls.bmiOptin ??= new Map();
  controls.bmiOptin.set(recipient.address, asked);
  return "yes";
});
