/** Errors are logged by address; a message with many recipients says each thing once, and not more than so much. */
const MAX_NOTES = 20;

/** Lines that an attempt adds to the log on its way. */
export class Notes {
  readonly all: string[] = [];

  readonly add = (text: string): void => {
    if (this.all.length < MAX_NOTES && !this.all.includes(text)) this.all.push(text);
  };
}
