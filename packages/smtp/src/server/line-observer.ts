/** Somebody who looks on while a client gives commands. */
export interface LineObserver {
  /** Asked before each line; no more is done for those who do not look. */
  readonly isWatching: boolean;
  /** A command without its line end. What is said behind AUTH is left out. */
  line(text: string): void;
}

const LEFT_OUT = "***";

/** Credentials stand behind the mechanism's name, whatever is written in front of AUTH. */
export const watchedCommand = (text: string): string =>
  text.replace(/\b(AUTH[ \t]+[^ \t]+)[ \t]+[^ \t][\s\S]*$/i, `$1 ${LEFT_OUT}`);

/** A line behind a challenge. */
export const watchedAnswer = LEFT_OUT;
