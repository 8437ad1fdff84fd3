/** What may stand before and behind a dot: somebody, somewhere, takes it for the end of a message (CVE-2023-51764 to -51766). */
const AROUND = ["\r\n", "\n", "\r", "\r\r\n", "\0", ""];

/** What a second message would need. Nothing of it may ever be in an envelope. */
const SMUGGLED =
  "MAIL FROM:<evil@b.example>\r\nRCPT TO:<evil@elsewhere.example>\r\nDATA\r\nSubject: evil\r\n\r\ntext\r\n";

export interface Attempt {
  readonly name: string;
  readonly subject: string;
  /** Without the end that DATA wants. */
  readonly content: string;
}

/** Messages with a dot between any two of those, so that whoever sees an end there sees two. */
export const attempts: readonly Attempt[] = AROUND.flatMap((before, i) =>
  AROUND.map((after, j) => {
    const subject = `attempt-${i}-${j}`;
    const content = `Subject: ${subject}\r\n\r\ntext${before}.${after}${SMUGGLED}`;
    return { name: JSON.stringify(`${before}.${after}`), subject, content };
  }),
);

/** Whether it is in the form that content has to have; nothing else may be passed on. */
export const isCanonical = (content: string): boolean => !/\r(?!\n)|(?<!\r)\n|\0/.test(content);

/** Whether DATA ends in it: then it is no attempt, but two messages. */
export const endsEarly = (content: string): boolean => content.includes("\r\n.\r\n");
