/**
 * Whether an action of rspamd says that the message is to come again (its documentation, "Actions"): then it looks at it anew,
 * and is likely to say something else.
 */
export const isForNow = (action: string): boolean => action === "greylist" || action === "soft reject";
