/** What has a line of a spool file for itself cannot have line ends, or octets that end a string for Exim. */
export const oneLine = (text: string): string => text.replace(/[\r\n\0]/g, " ");
