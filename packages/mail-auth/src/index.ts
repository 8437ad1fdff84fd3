export { checkMessage, type MessageCheckOptions, type MessageFacts, unchecked } from "./check-message.ts";
export { type CheckOptions, checkSpf, type SpfFindings, type SpfQuestion } from "./check-spf.ts";
export { reportDestinations } from "./dmarc/report-destinations.ts";
export { SuffixFiles } from "./dmarc/suffix-files.ts";
export { preload } from "./mailauth-library.ts";
export { needsMuchWork } from "./needs-much-work.ts";
