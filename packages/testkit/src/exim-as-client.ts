/**
 * An Exim that takes everything to a port of this machine, for `eximCommand` and `startExim`.
 *
 * @param options Of its transport, one a line. @param sections Behind the others: `begin authenticators`.
 */
export const eximAsClient = (port: number, options = "", sections = ""): string => `
primary_hostname = exim.test
begin routers
smarthost:
  driver = manualroute
  transport = remote_smtp
  route_list = * 127.0.0.1
  self = send
begin transports
remote_smtp:
  driver = smtp
  port = ${port}
  allow_localhost
  ${options}
  EXIM_USER
begin retry
* * F,1h,1m
${sections}
`;
