/**
 * The configuration is wrong: settings, policy file, a certificate that is not there. At start the process ends
 * with exit code 78 (sysexits.h EX_CONFIG); at reload the old configuration stays in force.
 */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}
