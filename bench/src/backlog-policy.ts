/**
 * Mail for `dead.test` goes to a port where nobody listens at first, everything else to the sink.
 *
 * @param deadPort Who listens there later gets what has waited, after a minute at most.
 */
export const backlogPolicy = (sinkPort: number, deadPort: number): string => `
daemon_smtp_ports = SMTP_PORT
local_interfaces = 127.0.0.1
smtp_accept_max = 0
acl_smtp_rcpt = all
begin acl
all:
  accept
begin routers
dead:
  driver = manualroute
  domains = dead.test
  route_list = * 127.0.0.1::${deadPort} byname
  transport = out
  self = send
live:
  driver = manualroute
  route_list = * 127.0.0.1::${sinkPort} byname
  transport = out
  self = send
begin transports
out:
  driver = smtp
begin retry
* * F,4d,1m
`;
