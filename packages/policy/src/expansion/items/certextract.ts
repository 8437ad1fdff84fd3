import { failBranch, succeed } from "../branches.ts";
import { Certificate } from "../certificate.ts";
import { certificateField } from "../certificate-field.ts";
import { runCode, then } from "../code.ts";
import { ExpansionFailure } from "../failures.ts";
import type { Item } from "../parser.ts";
import { required } from "../required.ts";
import { Tainted, textOf } from "../value.ts";

const VARIABLE =
  /[\t-\r ]*\{[\t-\r ]*\$(?:\{(tls_(?:in|out)_(?:our|peer)cert)\}|(tls_(?:in|out)_(?:our|peer)cert))[\t-\r ]*\}/y;

/** `${certextract{field,modifiers}{$tls_in_peercert}{yes}{no}}`. */
export const certextract: Item = {
  name: "certextract",
  compile(parser) {
    const field = required(parser, "certextract");
    const { source } = parser;
    const start = source.at;
    const isVariable = source.match(VARIABLE) !== "";
    source.at = start;
    const certificate = required(parser, "certextract");
    if (!isVariable) throw new ExpansionFailure('second argument of "certextract" must be a certificate variable');
    const branches = parser.branches("certextract");
    return (evaluation) =>
      then(runCode(field, evaluation), (name) =>
        then(runCode(certificate, evaluation), (value) => {
          if (!(value instanceof Certificate)) return failBranch(branches, evaluation);
          const found = certificateField(value.der, textOf(name));
          if (found === undefined) return failBranch(branches, evaluation);
          return succeed(branches, new Tainted(found), evaluation);
        }),
      );
  },
};
