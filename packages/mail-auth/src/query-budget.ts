/**
 * DNS queries for SPF: what RFC 7208 §4.6.4 allows at the most, ten `mx` terms of ten hosts each, and the record. With
 * those for the content they are 200 for a message, of which no honest one needs a tenth.
 */
export const SPF_QUERIES = 112;

/** DNS queries for the content of a message: keys of its signatures, policies of its author. */
export const MESSAGE_QUERIES = 88;
