import type { Configuration } from "./configuration.ts";
import { formatProblem, type Problem } from "./problem.ts";
import { type ReadOptions, readConfiguration } from "./read-configuration.ts";

export interface CheckOptions extends ReadOptions {
  /** The file is for another machine: what this one lacks is shown, and does not make it unusable. */
  readonly portable?: boolean;
}

export interface CheckedConfiguration {
  /** Undefined if it cannot be used. */
  readonly configuration: Configuration | undefined;
  /** As far as it could be read. For looking on: it may not be used. */
  readonly readable: Configuration;
  /** What stands in its way. */
  readonly faultsFound: readonly Problem[];
  /** The same, as `file:line: text`. */
  readonly faults: readonly string[];
  /** What does not, likewise. */
  readonly notices: readonly string[];
}

/** Reads a configuration and says whether it can be used, here or, with `portable`, on some machine. */
export function checkConfiguration({ portable = false, ...options }: CheckOptions): CheckedConfiguration {
  const { configuration, problems } = readConfiguration(options);
  const isFault = (kind: string): boolean => kind === "error" || (kind === "machine" && !portable);
  const faultsFound = problems.filter(({ kind }) => isFault(kind));
  return {
    configuration: faultsFound.length === 0 ? configuration : undefined,
    readable: configuration,
    faultsFound,
    faults: faultsFound.map(formatProblem),
    notices: problems.filter(({ kind }) => !isFault(kind)).map(formatProblem),
  };
}
