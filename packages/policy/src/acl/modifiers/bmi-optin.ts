import { textOf } from "../../expansion/value.ts";
import { expandedTest } from "../test.ts";

/** `bmi_optin = list`: what the recipient has asked for, for the BMI server. */
export const bmiOptin = expandedTest((list, { session }) => {
  const { controls } = session.message;
  controls.bmiOptin ??= new Map();
  controls.bmiOptin.set(session.recipient?.address ?? "", textOf(list));
  return "yes";
});
