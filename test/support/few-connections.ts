/**
 * What a kill can double at best is what the next hop has accepted and the process has not read yet: one message for each
 * connection. With as few as the load needs, the bound of one for each kill tests our bookkeeping, not how many
 * transactions happened to be open.
 */
export const FEW_CONNECTIONS = "-DSMTP_MAX_CONNECTIONS=4";
