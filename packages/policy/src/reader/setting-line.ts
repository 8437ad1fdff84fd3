/** A line of the main section or of a driver: `name`, `no_name`, `name = value`. */
export interface SettingLine {
  readonly name: string;
  /** `hide` in front. */
  readonly isHidden: boolean;
  readonly hasSign: boolean;
  /** What follows the sign, or, without one, the name. */
  readonly text: string;
}

const SETTING = /^(hide[\t-\r ]+)?([A-Za-z][A-Za-z0-9_]*)[\t-\r ]*(=?)[\t-\r ]*([\s\S]*)$/;

/** @returns undefined if there is no name at the start. */
export function parseSettingLine(text: string): SettingLine | undefined {
  const found = SETTING.exec(text);
  if (found === null) return undefined;
  const [, hide, name = "", sign, rest = ""] = found;
  return { name, isHidden: hide !== undefined, hasSign: sign !== "", text: rest };
}
